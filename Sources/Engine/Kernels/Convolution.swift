import CLanes
import COneDNN
import Tensors

/// A convolution of one fixed shape: forward, backward to the data, backward to the weights.
///
/// - Shapes: `x` `[N, H, W, C]`, `y` `[N, P, Q, O]`, `weight` `[O, C/groups, K, K]`, `bias` `[O]`.
/// - `y = weight ∗ x + bias`; `dx = weightᵀ ∗ dy`; `dWeight = dy ∗ x`; `dBias = Σ dy`.
///
/// On integers, `y = integerWeight ∗ (x - zeroPoint)` exactly, as FP32 numbers: scales and the bias are
/// left to who reads `y`.
final class Convolution {
  struct Geometry: Hashable {
    var N, H, W, C, P, Q, O: Int
    var kernel, stride, padding, groups: Int

    /// Multiply-adds of one pass, times two.
    var operationCount: Int { 2 * N * P * Q * O * (C / groups) * kernel * kernel }

    var weightExtents: [Int] {
      groups == 1
        ? [O, C, kernel, kernel] : [groups, O / groups, C / groups, kernel, kernel]
    }
  }

  /// Addresses that stay the same for the life of the kernel.
  struct Memory {
    /// What the forward pass reads; rows have gaps only for kernels of our own.
    var x: Rows
    /// Without gaps; FP32, or bf16 where `x` is.
    var y: Rows
    /// Real numbers, as they stand in the graph.
    var weight: UnsafeMutablePointer<Float>
    /// The same on integers, and where their source's zero point stands; for bytes.
    var integerWeight: UnsafeMutablePointer<Int8>?
    var zeroPoint: UnsafeMutablePointer<Int32>?
    var bias: UnsafeMutablePointer<Float>?
    /// `nil` where the kernel only runs forward.
    var backward: Backward?

    struct Backward {
      /// FP32 or bf16, without gaps; what the backward pass to the weights reads has the same format.
      var dy: Rows
      var x: Rows
      /// Without gaps; FP32, or bf16 where `dy` is. `nil` where no gradient of the input is wanted.
      var dx: Rows?
      var dWeight: UnsafeMutablePointer<Float>
      var dBias: UnsafeMutablePointer<Float>?
    }
  }

  let geometry: Geometry
  /// Implementation names of the passes that exist.
  let implementations: [String]

  private let forwardPass: any ConvolutionPass
  private let backwardDataPass, backwardWeightsPass: (any ConvolutionPass)?
  /// From the stored layout to the ones oneDNN computes in; once per step.
  private let weightReorders: [Primitive]
  private let gradientReorder: Primitive?
  /// Memory in oneDNN's own layouts.
  private let privateBuffers: [AlignedBuffer]

  /// What computes each pass follows from shapes, formats and the instruction set alone.
  init(_ g: Geometry, _ memory: Memory, on device: ComputeDevice, name: String)
    throws(EngineError)
  {
    var builder = try ConvolutionBuilder(g, memory, device, name)
    geometry = g
    var names: [String] = []
    if memory.x.format == .gridByte, !ComputeDescription.current.hasExactIntegerPrimitives {
      if WinogradPairs.computes(g) {
        forwardPass = WinogradPairs(g, memory, device.scratch)
        names.append(WinogradPairs.name)
      } else {
        forwardPass = PairConvolution(g, memory)
        names.append(PairConvolution.name)
      }
    } else if g.isOwn(forward: memory.x.format, to: memory.y.format) {
      let pass = WinogradConvolution(
        g, x: memory.x, weight: memory.weight, bias: memory.bias, y: memory.y, device.scratch)
      forwardPass = pass
      names.append(pass.name)
    } else {
      forwardPass = try builder.forward()
      names.append(builder.implementations.last!)
    }
    if let backward = memory.backward,
      g.isOwn(backward: backward.dy.format, hasBias: backward.dBias != nil)
    {
      let toData = backward.dx.map {
        WinogradConvolution(
          g, dy: backward.dy, weight: memory.weight, dx: $0, device.scratch)
      }
      let toWeights = WinogradWeightGradient(
        g, x: backward.x, dy: backward.dy, dWeight: backward.dWeight, device.scratch)
      (backwardDataPass, backwardWeightsPass, gradientReorder) = (toData, toWeights, nil)
      names += [toData?.name, toWeights.name].compactMap { $0 }
    } else if let backward = memory.backward {
      let hint = try builder.hint(for: backward)
      let before = builder.implementations.count
      backwardDataPass = try backward.dx.map { dx throws(EngineError) in
        try builder.backwardData(backward, dx: dx, hint: hint)
      }
      if g.isOwn(weightGradient: backward.dy.format, hasBias: backward.dBias != nil) {
        backwardWeightsPass = PairedWeightGradient(
          g, x: backward.x, dy: backward.dy, dWeight: backward.dWeight, device.scratch)
        gradientReorder = nil
        names += builder.implementations[before...] + [PairedWeightGradient.name]
      } else {
        (backwardWeightsPass, gradientReorder) = try builder.backwardWeights(backward, hint: hint)
        names += builder.implementations[before...]
      }
    } else {
      (backwardDataPass, backwardWeightsPass, gradientReorder) = (nil, nil, nil)
    }
    implementations = names
    weightReorders = builder.reorders
    privateBuffers = builder.buffers
  }

  private var passes: [any ConvolutionPass] {
    [forwardPass] + [backwardDataPass, backwardWeightsPass].compactMap { $0 }
  }

  var privateByteCount: Int {
    privateBuffers.reduce(0) { $0 + $1.byteCount } + passes.reduce(0) { $0 + $1.byteCount }
  }

  /// Takes over weights that were changed; once per step, before the passes.
  func prepareWeights() {
    forwardPass.prepareWeights()
    backwardDataPass?.prepareWeights()
    for reorder in weightReorders { reorder.run() }
  }

  func forward() { forwardPass.run() }

  func backwardData() { backwardDataPass?.run() }

  func backwardWeights() {
    backwardWeightsPass?.run()
    gradientReorder?.run()
  }
}

extension Convolution.Geometry {
  /// Whether the forward pass is one of our own kernels, which read rows with gaps too. From bf16 to bf16 that
  /// is worth it where large tiles fit the picture.
  func isOwn(forward x: ElementFormat, to y: ElementFormat) -> Bool {
    switch x {
    case .float32: isWinograd
    case .bfloat16:
      y == .bfloat16 && isWinogradInBFloat16
        && WinogradTiles.form(H: H, W: W, atMost: 0.6) == .four
    case .gridByte: false
    }
  }

  /// Whether both backward passes are, by Winograd's products.
  func isOwn(backward dy: ElementFormat, hasBias: Bool) -> Bool {
    !hasBias && (dy == .float32 ? isWinograd : isWinogradInBFloat16)
  }

  /// Whether the backward pass to the weights is, which then reads an `x` with gaps too. With fewer channels
  /// there are too few products for what pairing costs.
  func isOwn(weightGradient dy: ElementFormat, hasBias: Bool) -> Bool {
    if isOwn(backward: dy, hasBias: hasBias) { return true }
    return !hasBias && dy == .bfloat16 && groups == 1 && C % 16 == 0 && O % 16 == 0
      && min(C, O) >= 64 && max(C, O) >= 128 && (kernel == 1 || kernel == 3)
      && clanes_has_half_products() && hasOwnConvolutions
  }
}

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
    /// What the forward pass reads: no gaps between rows.
    var x: Rows
    var y: UnsafeMutablePointer<Float>
    /// Real numbers, as they stand in the graph.
    var weight: UnsafeMutablePointer<Float>
    /// The same on integers, and where their source's zero point stands; for bytes.
    var integerWeight: UnsafeMutablePointer<Int8>?
    var zeroPoint: UnsafeMutablePointer<Int32>?
    var bias: UnsafeMutablePointer<Float>?
    /// `nil` where the kernel only runs forward.
    var backward: Backward?

    struct Backward {
      /// FP32 or bf16; what the backward pass to the weights reads has the same format.
      var dy: Rows
      var x: Rows
      /// `nil` where no gradient of the input is wanted.
      var dx: UnsafeMutablePointer<Float>?
      var dWeight: UnsafeMutablePointer<Float>
      var dBias: UnsafeMutablePointer<Float>?
    }
  }

  private enum ForwardPass {
    case primitive(Primitive)
    case pairs(PairConvolution)
  }

  let geometry: Geometry
  /// Implementation names of the passes that exist.
  let implementations: [String]

  private let forwardPass: ForwardPass
  private let backwardDataPass: Primitive?
  private let backwardWeightsPass: Primitive?
  /// From the stored layout to the ones oneDNN computes in; once per step.
  private let weightReorders: [Primitive]
  private let gradientReorder: Primitive?
  /// Memory in oneDNN's own layouts.
  private let privateBuffers: [AlignedBuffer]

  init(_ g: Geometry, _ memory: Memory, on device: ComputeDevice, name: String)
    throws(EngineError)
  {
    var builder = try ConvolutionBuilder(g, memory, device, name)
    geometry = g
    var names: [String] = []
    if memory.x.format == .gridByte, !ComputeDescription.current.hasExactIntegerPrimitives {
      forwardPass = .pairs(PairConvolution(g, memory))
      names = [PairConvolution.name]
    } else {
      forwardPass = .primitive(try builder.forward())
    }
    if let backward = memory.backward {
      let hint = try builder.hint(for: backward)
      backwardDataPass = try backward.dx.map { dx throws(EngineError) in
        try builder.backwardData(backward, dx: dx, hint: hint)
      }
      (backwardWeightsPass, gradientReorder) = try builder.backwardWeights(backward, hint: hint)
    } else {
      (backwardDataPass, backwardWeightsPass, gradientReorder) = (nil, nil, nil)
    }
    implementations = names + builder.implementations
    weightReorders = builder.reorders
    privateBuffers = builder.buffers
  }

  var privateByteCount: Int {
    var count = privateBuffers.reduce(0) { $0 + $1.byteCount }
    if case .pairs(let pass) = forwardPass { count += pass.byteCount }
    return count
  }

  /// Takes over weights that were changed; once per step, before the passes.
  func prepareWeights() {
    if case .pairs(let pass) = forwardPass { pass.prepareWeights() }
    for reorder in weightReorders { reorder.run() }
  }

  func forward() {
    switch forwardPass {
    case .primitive(let pass): pass.run()
    case .pairs(let pass): pass.run()
    }
  }

  func backwardData() { backwardDataPass?.run() }

  func backwardWeights() {
    backwardWeightsPass?.run()
    gradientReorder?.run()
  }
}

import COneDNN
import Tensors

/// A convolution of one fixed shape: forward, backward to the data, backward to the weights.
///
/// - Shapes: `x` `[N, H, W, C]`, `y` `[N, P, Q, O]`, `weight` `[O, C/groups, K, K]`, `bias` `[O]`.
/// - `y = weight ∗ x + bias`; `dx = weightᵀ ∗ dy`; `dWeight = dy ∗ x`; `dBias = Σ dy`.
final class Convolution {
  struct Geometry: Hashable {
    var N, H, W, C, P, Q, O: Int
    var kernel, stride, padding, groups: Int

    /// Multiply-adds of one pass, times two.
    var operationCount: Int { 2 * N * P * Q * O * (C / groups) * kernel * kernel }
  }

  /// Addresses that stay the same for the life of the kernel.
  struct Memory {
    var x, y: UnsafeMutablePointer<Float>
    var weight: UnsafeMutablePointer<Float>
    var bias: UnsafeMutablePointer<Float>?
    /// `nil` where the kernel only runs forward.
    var dy: UnsafeMutablePointer<Float>?
    /// `nil` where no gradient of the input is wanted.
    var dx: UnsafeMutablePointer<Float>?
    var dWeight, dBias: UnsafeMutablePointer<Float>?
  }

  let geometry: Geometry
  /// Implementation names of the passes that exist.
  let implementations: [String]

  private let forwardPass: Primitive
  private let backwardDataPass: Primitive?
  private let backwardWeightsPass: Primitive?
  /// From the stored layout to the ones oneDNN computes in; once per step.
  private var weightReorders: [Primitive] = []
  private let gradientReorder: Primitive?
  /// Memory in oneDNN's own layouts.
  private var privateBuffers: [AlignedBuffer] = []

  /// - Parameter keeping: memory that `memory.weight` points into and the kernel shall own.
  init(
    _ g: Geometry, _ memory: Memory, keeping: AlignedBuffer? = nil, on device: ComputeDevice,
    name: String
  ) throws(EngineError) {
    geometry = g
    var buffers: [AlignedBuffer] = keeping.map { [$0] } ?? []
    var reorders: [Primitive] = []
    let xLayout = try MemoryDescriptor([g.N, g.C, g.H, g.W], .nhwc)
    let yLayout = try MemoryDescriptor([g.N, g.O, g.P, g.Q], .nhwc)
    let weightExtents =
      g.groups == 1
      ? [g.O, g.C, g.kernel, g.kernel]
      : [g.groups, g.O / g.groups, g.C / g.groups, g.kernel, g.kernel]
    let stored = try MemoryDescriptor(weightExtents, .plain)
    let chosen = try MemoryDescriptor(weightExtents, .any)
    let biasLayout = try MemoryDescriptor([g.O], .plain)
    let strides = [dnnl_dim_t](repeating: dnnl_dim_t(g.stride), count: 2)
    let padding = [dnnl_dim_t](repeating: dnnl_dim_t(g.padding), count: 2)
    // The right padding that makes the output P × Q.
    let rightPadding = [(g.P, g.H), (g.Q, g.W)].map { output, input in
      dnnl_dim_t((output - 1) * g.stride + g.kernel - input - g.padding)
    }
    let trains = memory.dy != nil

    var operation = dnnl_convolution_desc_t()
    var (xRaw, wRaw, bRaw, yRaw) = (xLayout.raw, chosen.raw, biasLayout.raw, yLayout.raw)
    let hasBias = memory.bias != nil
    try check(
      withUnsafePointer(to: bRaw) { b in
        dnnl_convolution_forward_desc_init(
          &operation, trains ? dnnl_forward_training : dnnl_forward_inference,
          dnnl_convolution_direct, &xRaw, &wRaw, hasBias ? b : nil, &yRaw, strides, padding,
          rightPadding)
      }, "dnnl_convolution_forward_desc_init for \(name)")
    let forward = try PrimitiveDescription(operation: &operation, on: device, for: name)

    /// Memory for the weights in the layout a pass wants, filled by a reorder if it is not the stored one.
    func weights(for pass: PrimitiveDescription) throws(EngineError) -> (
      MemoryDescriptor, UnsafeMutableRawPointer
    ) {
      let wanted = pass.layout(of: dnnl_query_weights_md)
      if wanted.isEqual(to: stored) { return (wanted, UnsafeMutableRawPointer(memory.weight)) }
      let buffer = AlignedBuffer(byteCount: wanted.byteCount)
      buffers.append(buffer)
      let reorder = try PrimitiveDescription(reorder: stored, to: wanted, on: device)
      reorders.append(
        try Primitive(
          reorder,
          [
            .init(
              index: DNNL_ARG_FROM, descriptor: stored,
              address: UnsafeMutableRawPointer(memory.weight)),
            .init(index: DNNL_ARG_TO, descriptor: wanted, address: buffer.base),
          ], on: device))
      return (wanted, buffer.base)
    }

    let (forwardWeightLayout, forwardWeight) = try weights(for: forward)
    var arguments: [Primitive.Argument] = [
      .init(index: DNNL_ARG_SRC, descriptor: xLayout, address: UnsafeMutableRawPointer(memory.x)),
      .init(index: DNNL_ARG_WEIGHTS, descriptor: forwardWeightLayout, address: forwardWeight),
      .init(index: DNNL_ARG_DST, descriptor: yLayout, address: UnsafeMutableRawPointer(memory.y)),
    ]
    if let bias = memory.bias {
      arguments.append(
        .init(index: DNNL_ARG_BIAS, descriptor: biasLayout, address: UnsafeMutableRawPointer(bias)))
    }
    forwardPass = try Primitive(forward, arguments, on: device)
    var implementations = [forward.implementation]

    if let dy = memory.dy, let dx = memory.dx {
      try check(
        dnnl_convolution_backward_data_desc_init(
          &operation, dnnl_convolution_direct, &xRaw, &wRaw, &yRaw, strides, padding,
          rightPadding), "dnnl_convolution_backward_data_desc_init for \(name)")
      let pass = try PrimitiveDescription(
        operation: &operation, hint: forward, on: device, for: name)
      let (layout, address) = try weights(for: pass)
      backwardDataPass = try Primitive(
        pass,
        [
          .init(
            index: DNNL_ARG_DIFF_DST, descriptor: yLayout, address: UnsafeMutableRawPointer(dy)),
          .init(index: DNNL_ARG_WEIGHTS, descriptor: layout, address: address),
          .init(
            index: DNNL_ARG_DIFF_SRC, descriptor: xLayout, address: UnsafeMutableRawPointer(dx)),
        ], on: device)
      implementations.append(pass.implementation)
    } else {
      backwardDataPass = nil
    }

    if let dy = memory.dy, let dWeight = memory.dWeight {
      try check(
        withUnsafePointer(to: bRaw) { b in
          dnnl_convolution_backward_weights_desc_init(
            &operation, dnnl_convolution_direct, &xRaw, &wRaw, hasBias ? b : nil, &yRaw, strides,
            padding, rightPadding)
        }, "dnnl_convolution_backward_weights_desc_init for \(name)")
      let pass = try PrimitiveDescription(
        operation: &operation, hint: forward, on: device, for: name)
      let wanted = pass.layout(of: dnnl_query_diff_weights_md)
      var address = UnsafeMutableRawPointer(dWeight)
      if wanted.isEqual(to: stored) {
        gradientReorder = nil
      } else {
        let buffer = AlignedBuffer(byteCount: wanted.byteCount)
        buffers.append(buffer)
        address = buffer.base
        let reorder = try PrimitiveDescription(reorder: wanted, to: stored, on: device)
        gradientReorder = try Primitive(
          reorder,
          [
            .init(index: DNNL_ARG_FROM, descriptor: wanted, address: buffer.base),
            .init(
              index: DNNL_ARG_TO, descriptor: stored, address: UnsafeMutableRawPointer(dWeight)),
          ], on: device)
      }
      var arguments: [Primitive.Argument] = [
        .init(index: DNNL_ARG_SRC, descriptor: xLayout, address: UnsafeMutableRawPointer(memory.x)),
        .init(index: DNNL_ARG_DIFF_DST, descriptor: yLayout, address: UnsafeMutableRawPointer(dy)),
        .init(index: DNNL_ARG_DIFF_WEIGHTS, descriptor: wanted, address: address),
      ]
      if let dBias = memory.dBias {
        arguments.append(
          .init(
            index: DNNL_ARG_DIFF_BIAS, descriptor: biasLayout,
            address: UnsafeMutableRawPointer(dBias)))
      }
      backwardWeightsPass = try Primitive(pass, arguments, on: device)
      implementations.append(pass.implementation)
    } else {
      backwardWeightsPass = nil
      gradientReorder = nil
    }
    self.implementations = implementations
    privateBuffers = buffers
    weightReorders = reorders
  }

  var privateByteCount: Int { privateBuffers.reduce(0) { $0 + $1.byteCount } }

  /// Takes over weights that were changed; once per step, before the passes.
  func prepareWeights() { for reorder in weightReorders { reorder.run() } }

  func forward() { forwardPass.run() }

  func backwardData() { backwardDataPass?.run() }

  func backwardWeights() {
    backwardWeightsPass?.run()
    gradientReorder?.run()
  }
}

import COneDNN
import Tensors

/// Makes the primitives of one convolution: asks oneDNN for the weights' layouts it computes in, and
/// adds reorders from the stored one.
struct ConvolutionBuilder {
  private let g: Convolution.Geometry
  private let memory: Convolution.Memory
  private let device: ComputeDevice
  private let name: String
  private let strides, padding, rightPadding: [dnnl_dim_t]
  private let biasLayout: MemoryDescriptor
  private var forwardDescription: PrimitiveDescription?

  private(set) var implementations: [String] = []
  private(set) var reorders: [Primitive] = []
  private(set) var buffers: [AlignedBuffer] = []

  init(
    _ g: Convolution.Geometry, _ memory: Convolution.Memory, _ device: ComputeDevice, _ name: String
  ) throws(EngineError) {
    (self.g, self.memory, self.device, self.name) = (g, memory, device, name)
    strides = [dnnl_dim_t](repeating: dnnl_dim_t(g.stride), count: 2)
    padding = [dnnl_dim_t](repeating: dnnl_dim_t(g.padding), count: 2)
    // The right padding that makes the output P × Q.
    rightPadding = [(g.P, g.H), (g.Q, g.W)].map { output, input in
      dnnl_dim_t((output - 1) * g.stride + g.kernel - input - g.padding)
    }
    biasLayout = try MemoryDescriptor([g.O], .plain)
  }

  mutating func forward() throws(EngineError) -> Primitive {
    let isInteger = memory.x.format == .gridByte
    let x = try source(memory.x.format)
    let y = try MemoryDescriptor([g.N, g.O, g.P, g.Q], .nhwc, memory.y.format.elementType)
    let weightType = isInteger ? .int8 : memory.x.format.elementType
    let hasBias = memory.bias != nil && !isInteger
    let description = try forwardDescription(
      x, weightType, y, hasBias: hasBias,
      kind: memory.backward != nil && !isInteger
        ? dnnl_forward_training : dnnl_forward_inference, hasSourceZeroPoint: isInteger)
    if !isInteger { forwardDescription = description }
    implementations.append(description.implementation)

    let stored: UnsafeMutableRawPointer =
      isInteger
      ? UnsafeMutableRawPointer(memory.integerWeight!) : UnsafeMutableRawPointer(memory.weight)
    let (layout, weight) = try weights(
      for: description, from: stored, storedType: isInteger ? .int8 : .float32)
    var arguments: [Primitive.Argument] = [
      .init(index: DNNL_ARG_SRC, descriptor: x, address: memory.x.base),
      .init(index: DNNL_ARG_WEIGHTS, descriptor: layout, address: weight),
      .init(index: DNNL_ARG_DST, descriptor: y, address: memory.y.base),
    ]
    if hasBias {
      arguments.append(
        .init(
          index: DNNL_ARG_BIAS, descriptor: biasLayout,
          address: UnsafeMutableRawPointer(memory.bias!)))
    }
    if isInteger {
      arguments.append(
        .init(
          index: cdnnl_arg_source_zero_point(),
          descriptor: try MemoryDescriptor([1], .plain, .int32),
          address: UnsafeMutableRawPointer(memory.zeroPoint!)))
    }
    return try Primitive(description, arguments, on: device)
  }

  /// A forward pass in the formats of the backward one, which oneDNN wants to know of.
  func hint(for backward: Convolution.Memory.Backward) throws(EngineError) -> PrimitiveDescription {
    if let forwardDescription, memory.x.format == backward.dy.format { return forwardDescription }
    let type = backward.dy.format.elementType
    return try forwardDescription(
      try source(backward.dy.format), type,
      try MemoryDescriptor([g.N, g.O, g.P, g.Q], .nhwc, type),
      hasBias: memory.bias != nil, kind: dnnl_forward_training, hasSourceZeroPoint: false)
  }

  mutating func backwardData(
    _ backward: Convolution.Memory.Backward, dx: Rows,
    hint: PrimitiveDescription
  ) throws(EngineError) -> Primitive {
    let type = backward.dy.format.elementType
    let dxLayout = try source(dx.format)
    let dyLayout = try MemoryDescriptor([g.N, g.O, g.P, g.Q], .nhwc, type)
    let chosen = try MemoryDescriptor(g.weightExtents, .any, type)
    var operation = dnnl_convolution_desc_t()
    var (dxRaw, wRaw, dyRaw) = (dxLayout.raw, chosen.raw, dyLayout.raw)
    try check(
      dnnl_convolution_backward_data_desc_init(
        &operation, dnnl_convolution_direct, &dxRaw, &wRaw, &dyRaw, strides, padding,
        rightPadding), "dnnl_convolution_backward_data_desc_init for \(name)")
    let pass = try PrimitiveDescription(operation: &operation, hint: hint, on: device, for: name)
    implementations.append(pass.implementation)
    let (layout, weight) = try weights(
      for: pass, from: UnsafeMutableRawPointer(memory.weight), storedType: .float32)
    return try Primitive(
      pass,
      [
        .init(index: DNNL_ARG_DIFF_DST, descriptor: dyLayout, address: backward.dy.base),
        .init(index: DNNL_ARG_WEIGHTS, descriptor: layout, address: weight),
        .init(index: DNNL_ARG_DIFF_SRC, descriptor: dxLayout, address: dx.base),
      ], on: device)
  }

  mutating func backwardWeights(
    _ backward: Convolution.Memory.Backward, hint: PrimitiveDescription
  ) throws(EngineError) -> (Primitive, Primitive?) {
    let type = backward.dy.format.elementType
    let x = try source(backward.dy.format)
    let dyLayout = try MemoryDescriptor([g.N, g.O, g.P, g.Q], .nhwc, type)
    let chosen = try MemoryDescriptor(g.weightExtents, .any)
    let stored = try MemoryDescriptor(g.weightExtents, .plain)
    var operation = dnnl_convolution_desc_t()
    var (xRaw, wRaw, bRaw, dyRaw) = (x.raw, chosen.raw, biasLayout.raw, dyLayout.raw)
    let hasBias = backward.dBias != nil
    try check(
      withUnsafePointer(to: &bRaw) { b in
        dnnl_convolution_backward_weights_desc_init(
          &operation, dnnl_convolution_direct, &xRaw, &wRaw, hasBias ? b : nil, &dyRaw, strides,
          padding, rightPadding)
      }, "dnnl_convolution_backward_weights_desc_init for \(name)")
    let pass = try PrimitiveDescription(operation: &operation, hint: hint, on: device, for: name)
    implementations.append(pass.implementation)
    let wanted = pass.layout(of: dnnl_query_diff_weights_md)
    var address = UnsafeMutableRawPointer(backward.dWeight)
    var reorder: Primitive?
    if !wanted.isEqual(to: stored) {
      let buffer = AlignedBuffer(byteCount: wanted.byteCount)
      buffers.append(buffer)
      address = buffer.base
      reorder = try Primitive(
        try PrimitiveDescription(reorder: wanted, to: stored, on: device),
        [
          .init(index: DNNL_ARG_FROM, descriptor: wanted, address: buffer.base),
          .init(
            index: DNNL_ARG_TO, descriptor: stored,
            address: UnsafeMutableRawPointer(backward.dWeight)),
        ], on: device)
    }
    var arguments: [Primitive.Argument] = [
      .init(index: DNNL_ARG_SRC, descriptor: x, address: backward.x.base),
      .init(index: DNNL_ARG_DIFF_DST, descriptor: dyLayout, address: backward.dy.base),
      .init(index: DNNL_ARG_DIFF_WEIGHTS, descriptor: wanted, address: address),
    ]
    if let dBias = backward.dBias {
      arguments.append(
        .init(
          index: DNNL_ARG_DIFF_BIAS, descriptor: biasLayout,
          address: UnsafeMutableRawPointer(dBias)))
    }
    return (try Primitive(pass, arguments, on: device), reorder)
  }

  // MARK: - Parts

  private func source(_ format: ElementFormat) throws(EngineError) -> MemoryDescriptor {
    try MemoryDescriptor([g.N, g.C, g.H, g.W], .nhwc, format.elementType)
  }

  private func forwardDescription(
    _ x: MemoryDescriptor, _ weightType: MemoryDescriptor.ElementType, _ y: MemoryDescriptor,
    hasBias: Bool, kind: dnnl_prop_kind_t, hasSourceZeroPoint: Bool
  ) throws(EngineError) -> PrimitiveDescription {
    let chosen = try MemoryDescriptor(g.weightExtents, .any, weightType)
    var operation = dnnl_convolution_desc_t()
    var (xRaw, wRaw, bRaw, yRaw) = (x.raw, chosen.raw, biasLayout.raw, y.raw)
    try check(
      withUnsafePointer(to: &bRaw) { b in
        dnnl_convolution_forward_desc_init(
          &operation, kind, dnnl_convolution_direct, &xRaw, &wRaw, hasBias ? b : nil, &yRaw,
          strides, padding, rightPadding)
      }, "dnnl_convolution_forward_desc_init for \(name)")
    return try PrimitiveDescription(
      operation: &operation, hasSourceZeroPoint: hasSourceZeroPoint, on: device, for: name)
  }

  /// Memory for the weights in the layout a pass wants, filled by a reorder if it is not the stored one.
  private mutating func weights(
    for pass: PrimitiveDescription, from stored: UnsafeMutableRawPointer,
    storedType: MemoryDescriptor.ElementType
  ) throws(EngineError) -> (MemoryDescriptor, UnsafeMutableRawPointer) {
    let plain = try MemoryDescriptor(g.weightExtents, .plain, storedType)
    let wanted = pass.layout(of: dnnl_query_weights_md)
    if wanted.isEqual(to: plain) { return (wanted, stored) }
    let buffer = AlignedBuffer(byteCount: wanted.byteCount)
    buffers.append(buffer)
    let reorder = try PrimitiveDescription(reorder: plain, to: wanted, on: device)
    reorders.append(
      try Primitive(
        reorder,
        [
          .init(index: DNNL_ARG_FROM, descriptor: plain, address: stored),
          .init(index: DNNL_ARG_TO, descriptor: wanted, address: buffer.base),
        ], on: device))
    return (wanted, buffer.base)
  }
}

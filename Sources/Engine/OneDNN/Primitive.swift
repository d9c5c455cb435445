import COneDNN

/// One oneDNN computation with its memory bound once; running it allocates nothing.
///
/// `@unchecked Sendable` is not claimed: a primitive belongs to the thread that runs its plan.
final class Primitive {
  /// What a primitive reads or writes: oneDNN's argument number, layout and address.
  struct Argument {
    var index: CInt
    var descriptor: MemoryDescriptor
    var address: UnsafeMutableRawPointer
  }

  private let device: ComputeDevice
  private let primitive: dnnl_primitive_t
  private let arguments: UnsafeMutableBufferPointer<dnnl_exec_arg_t>

  init(_ description: PrimitiveDescription, _ arguments: [Argument], on device: ComputeDevice)
    throws(EngineError)
  {
    self.device = device
    var primitive: dnnl_primitive_t?
    try check(dnnl_primitive_create(&primitive, description.raw), "dnnl_primitive_create")
    self.primitive = primitive!
    let scratch = description.layout(of: dnnl_query_scratchpad_md)
    let needsScratch = scratch.byteCount > 0
    self.arguments = .allocate(capacity: arguments.count + (needsScratch ? 1 : 0))
    if needsScratch {
      self.arguments.initializeElement(
        at: arguments.count,
        to: dnnl_exec_arg_t(
          arg: DNNL_ARG_SCRATCHPAD, memory: try device.scratchMemory(scratch)))
    }
    for (i, argument) in arguments.enumerated() {
      var memory: dnnl_memory_t?
      var descriptor = argument.descriptor.raw
      try check(
        dnnl_memory_create(&memory, &descriptor, device.engine, argument.address),
        "dnnl_memory_create")
      self.arguments.initializeElement(
        at: i, to: dnnl_exec_arg_t(arg: argument.index, memory: memory))
    }
  }

  deinit {
    for argument in arguments { dnnl_memory_destroy(argument.memory) }
    arguments.deallocate()
    dnnl_primitive_destroy(primitive)
  }

  /// Computes. The arguments were checked when the primitive was made, so a failure is a mistake here.
  func run() {
    let status = dnnl_primitive_execute(
      primitive, device.stream, CInt(arguments.count), arguments.baseAddress)
    precondition(status == dnnl_success, "dnnl_primitive_execute: \(status.rawValue)")
  }
}

/// What oneDNN decided for a computation: its implementation and the layouts it wants.
final class PrimitiveDescription {
  let raw: dnnl_primitive_desc_t

  /// - Parameter hasSourceZeroPoint: the source's zero point is given when the primitive runs.
  init(
    operation: UnsafeRawPointer, hint: PrimitiveDescription? = nil,
    hasSourceZeroPoint: Bool = false, on device: ComputeDevice, for name: String
  ) throws(EngineError) {
    var raw: dnnl_primitive_desc_t?
    let attributes = try Self.scratchAttributes()
    defer { dnnl_primitive_attr_destroy(attributes) }
    if hasSourceZeroPoint {
      var later = cdnnl_runtime_s32()
      try check(
        dnnl_primitive_attr_set_zero_points(attributes, DNNL_ARG_SRC, 1, 0, &later),
        "dnnl_primitive_attr_set_zero_points")
    }
    try check(
      dnnl_primitive_desc_create(&raw, operation, attributes, device.engine, hint?.raw),
      "dnnl_primitive_desc_create for \(name)")
    self.raw = raw!
  }

  /// Scratch memory is ours to give.
  private static func scratchAttributes() throws(EngineError) -> dnnl_primitive_attr_t {
    var attributes: dnnl_primitive_attr_t?
    try check(dnnl_primitive_attr_create(&attributes), "dnnl_primitive_attr_create")
    try check(
      dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user),
      "dnnl_primitive_attr_set_scratchpad_mode")
    return attributes!
  }

  /// A change of layout.
  init(reorder from: MemoryDescriptor, to: MemoryDescriptor, on device: ComputeDevice)
    throws(EngineError)
  {
    var raw: dnnl_primitive_desc_t?
    var (from, to) = (from.raw, to.raw)
    let attributes = try Self.scratchAttributes()
    defer { dnnl_primitive_attr_destroy(attributes) }
    try check(
      dnnl_reorder_primitive_desc_create(
        &raw, &from, device.engine, &to, device.engine, attributes),
      "dnnl_reorder_primitive_desc_create")
    self.raw = raw!
  }

  deinit { dnnl_primitive_desc_destroy(raw) }

  /// The layout oneDNN chose for a tensor of this computation.
  func layout(of query: dnnl_query_t) -> MemoryDescriptor {
    MemoryDescriptor(raw: dnnl_primitive_desc_query_md(raw, query, 0).pointee)
  }

  /// The name of the implementation, e.g. `jit:avx2`.
  var implementation: String {
    var text: UnsafePointer<CChar>?
    let status = withUnsafeMutablePointer(to: &text) {
      dnnl_primitive_desc_query(raw, dnnl_query_impl_info_str, 0, $0)
    }
    guard status == dnnl_success, let text else { return "unknown" }
    return String(cString: text)
  }
}

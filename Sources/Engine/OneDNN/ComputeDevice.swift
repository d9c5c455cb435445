import CLanes
import COneDNN
import Glibc
import Synchronization

/// The processor as oneDNN sees it, and the stream work is put on.
///
/// It also owns the scratch memory that the kernels of a plan take turns with. Left to itself,
/// oneDNN keeps one per thread and wants a primitive to run on the thread that made it.
/// Not `Sendable`: one thread at a time makes and executes a plan.
final class ComputeDevice {
  let engine: dnnl_engine_t
  let stream: dnnl_stream_t
  /// Room behind the scratch memory: for odd channel counts oneDNN 2.6's AVX2 kernels write past the
  /// end of what they ask for (seen: up to byte 239 behind 412), which in memory of its own making
  /// damages the heap.
  private static let overrunByteCount = 65536

  private var scratchUsers: [dnnl_memory_t] = []
  /// For oneDNN's primitives and our own kernels alike.
  let scratch = SharedScratch()

  init() throws(EngineError) {
    var engine: dnnl_engine_t?
    try check(dnnl_engine_create(&engine, dnnl_cpu, 0), "dnnl_engine_create")
    self.engine = engine!
    var stream: dnnl_stream_t?
    try check(
      dnnl_stream_create(&stream, engine, UInt32(dnnl_stream_default_flags.rawValue)),
      "dnnl_stream_create")
    self.stream = stream!
  }

  /// Notes that a primitive wants `descriptor` of scratch memory; its address comes later.
  func scratchMemory(_ descriptor: MemoryDescriptor) throws(EngineError) -> dnnl_memory_t {
    var memory: dnnl_memory_t?
    var raw = descriptor.raw
    try check(
      dnnl_memory_create(&memory, &raw, engine, nil), "dnnl_memory_create for scratch memory")
    scratchUsers.append(memory!)
    scratch.reserve(byteCount: descriptor.byteCount)
    return memory!
  }

  /// Makes the scratch memory for all kernels made so far; before the first of them runs.
  func bindScratch() throws(EngineError) {
    scratch.bind(extra: Self.overrunByteCount)
    for memory in scratchUsers {
      try check(
        dnnl_memory_set_data_handle(memory, scratch.base), "dnnl_memory_set_data_handle")
    }
  }

  deinit {
    dnnl_stream_destroy(stream)
    dnnl_engine_destroy(engine)
  }
}

/// Sets how many threads oneDNN may use in this process; call before the first plan is made.
///
/// oneDNN waits and works in OpenMP threads. The runtime reads its environment when it is loaded, so
/// a recipe's choice has to go through `omp_set_num_threads`, looked up in the loaded libraries.
public func setComputeThreadCount(_ count: Int) {
  precondition(count > 0, "thread count \(count)")
  chosenThreadCount.store(count, ordering: .relaxed)
  guard let symbol = dlsym(nil, "omp_set_num_threads") else { return }
  typealias SetThreads = @convention(c) (CInt) -> Void
  unsafeBitCast(symbol, to: SetThreads.self)(CInt(count))
}

private let chosenThreadCount = Atomic(1)

/// Whether 3×3 convolutions in FP32 are better off in our own kernels, which run on one thread. With AVX2
/// they are worth two of oneDNN's; with AVX-512 its second thread makes up for them (a float step of
/// YOLOv8n on two threads: 160 ms with oneDNN's, 179 with ours).
var hasOwnConvolutions: Bool {
  let threadLimit = clanes_columns() > 16 ? 1 : 2
  return clanes_has_winograd() && chosenThreadCount.load(ordering: .relaxed) <= threadLimit
}

/// What computes: oneDNN's version and the instruction set it chose.
public struct ComputeDescription: Hashable, Sendable, Codable {
  public var library: String
  public var instructionSet: String

  public static var current: ComputeDescription {
    let version = dnnl_version()!.pointee
    return ComputeDescription(
      library: "oneDNN \(version.major).\(version.minor).\(version.patch)",
      instructionSet: name(of: dnnl_get_effective_cpu_isa()))
  }

  /// Whether oneDNN sums products of 8-bit integers in 32 bits. Before VNNI it adds pairs of them in 16
  /// bits, which saturate.
  var hasExactIntegerPrimitives: Bool { instructionSet.contains("VNNI") || hasBFloat16 }

  /// Whether convolutions of integers are exact and as fast as in FP32: with VNNI, or where this program
  /// was built for AVX2 and multiplies them as pairs of 16 bits.
  public var hasExactIntegerConvolutions: Bool {
    hasExactIntegerPrimitives || clanes_has_pair_products()
  }

  /// Whether the processor multiplies bf16 numbers itself.
  public var hasBFloat16: Bool { instructionSet.contains("BF16") }

  private static func name(of isa: dnnl_cpu_isa_t) -> String {
    switch isa {
    case dnnl_cpu_isa_sse41: "SSE4.1"
    case dnnl_cpu_isa_avx: "AVX"
    case dnnl_cpu_isa_avx2: "AVX2"
    case dnnl_cpu_isa_avx2_vnni: "AVX2-VNNI"
    case dnnl_cpu_isa_avx512_core: "AVX-512"
    case dnnl_cpu_isa_avx512_core_vnni: "AVX-512-VNNI"
    case dnnl_cpu_isa_avx512_core_bf16: "AVX-512-BF16"
    case dnnl_cpu_isa_avx512_core_amx: "AVX-512-BF16-AMX"
    default: "other (\(isa.rawValue))"
    }
  }
}

import COneDNN
import Glibc

/// The processor as oneDNN sees it, and the stream work is put on.
///
/// `@unchecked Sendable`: both handles are set once and never changed; one thread executes a plan.
final class ComputeDevice: @unchecked Sendable {
  let engine: dnnl_engine_t
  let stream: dnnl_stream_t

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
  guard let symbol = dlsym(nil, "omp_set_num_threads") else { return }
  typealias SetThreads = @convention(c) (CInt) -> Void
  unsafeBitCast(symbol, to: SetThreads.self)(CInt(count))
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

  private static func name(of isa: dnnl_cpu_isa_t) -> String {
    switch isa {
    case dnnl_cpu_isa_sse41: "SSE4.1"
    case dnnl_cpu_isa_avx: "AVX"
    case dnnl_cpu_isa_avx2: "AVX2"
    case dnnl_cpu_isa_avx2_vnni: "AVX2-VNNI"
    case dnnl_cpu_isa_avx512_core: "AVX-512"
    case dnnl_cpu_isa_avx512_core_vnni: "AVX-512-VNNI"
    case dnnl_cpu_isa_avx512_core_bf16: "AVX-512-BF16"
    default: "other (\(isa.rawValue))"
    }
  }
}

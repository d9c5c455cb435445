import Engine
import Foundation
import Glibc
import Graphs
import Models
import Quantization
import Tensors
import Testing

/// The step asks for no memory, except what oneDNN takes for its argument tables inside
/// `dnnl_primitive_execute` and gives back before it returns.
///
/// glibc's `mtrace` writes down every allocation of a process with who asked for it. It must be loaded
/// beforehand and sees the whole process, so a child does it: this program, with one test enabled.
@Suite(.enabled(if: MemoryTrace.isAvailable)) struct AllocationTests {
  private static let variable = "EDGEWISE_ALLOCATION_CHILD"
  private static let isChild = ProcessInfo.processInfo.environment[variable] != nil

  @Test(.disabled(if: isChild)) func `a step allocates nothing`() throws {
    let file = FileManager.default.temporaryDirectory
      .appending(path: "edgewise-allocations-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = ["--testing-library", "swift-testing", "--filter", "AllocationTests"]
    var environment = ProcessInfo.processInfo.environment
    environment[Self.variable] = "1"
    environment["LD_PRELOAD"] = MemoryTrace.library
    environment["MALLOC_TRACE"] = file.path
    environment["OMP_NUM_THREADS"] = "1"
    process.environment = environment
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)

    let trace = MemoryTrace(try String(contentsOf: file, encoding: .utf8))
    // The children's own control: one array before the steps, to see that the trace sees.
    #expect(trace.callers.contains { $0.contains("libswiftCore") })
    let ours = trace.callers.filter { !MemoryTrace.isOneDNN($0) }
    #expect(ours.count == 1, "\(ours)")
    #expect(trace.leftCount == 0)
  }

  @Test(.enabled(if: isChild)) func `run steps under the trace`() throws {
    let pixels = [UInt8](repeating: 100, count: 2 * 64 * 64 * 3)
    // With SiLU as one operation and with integers between its parts; convolutions in FP32 and on bytes.
    let isExact = ComputeDescription.current.hasExactIntegerConvolutions
    let steps = try [(Target.portable, false), (.tflite, false), (.tflite, isExact)].map {
      target, isInteger in
      let graph = yolov8(.n, classNames: ["car"], inputHeight: 64, inputWidth: 64)
        .placingSites(target.rules)
      let store = ParameterStore(graph)
      store.load(graph.initialWeights(seed: 1))
      let plan = try TrainingPlan(
        graph: graph, batchSize: 2, store: store,
        options: PlanOptions(integerConvolutions: isInteger))
      for site in graph.sites.indices {
        plan.setGrid(Grid(covering: -1, 1, bits: 8, symmetric: true), site: site)
      }
      let gradients = graph.outputs.map { plan.outputGradient($0) }
      return { (mode: QuantizationMode) in
        if !isInteger { plan.quantizationMode = mode }
        plan.prepareWeights()
        pixels.withUnsafeBufferPointer { plan.setInput($0.baseAddress!) }
        plan.forward()
        for gradient in gradients { gradient[0] = 1 }
        plan.backward()
      }
    }
    let modes = [QuantizationMode.off, .observe, .quantize]
    // What oneDNN and the runtime make at first use.
    for step in steps { for mode in modes { step(mode) } }
    let control = try #require(MemoryTrace.functions())
    control.start()
    var probe = [Int](repeating: 1, count: pixels.count)
    probe.withUnsafeMutableBufferPointer { $0[0] = pixels.count }
    let sum = probe.reduce(0, +)
    probe = []
    for step in steps { for mode in modes { for _ in 0..<3 { step(mode) } } }
    control.stop()
    #expect(sum > 0)
  }
}

/// What `mtrace` wrote: `@ caller + address size` and `@ caller - address`, a line each.
private struct MemoryTrace {
  static let library = "libc_malloc_debug.so.0"
  static let isAvailable = dlopen(library, RTLD_LAZY) != nil

  /// Who asked for memory, one entry for each time.
  private(set) var callers: [String] = []
  /// Blocks that were taken and not given back.
  private(set) var leftCount = 0

  init(_ text: String) {
    var alive = Set<Substring>()
    for line in text.split(separator: "\n") where line.hasPrefix("@ ") {
      let words = line.split(separator: " ")
      guard words.count >= 4 else { continue }
      // `>` is what a reallocation gave, `<` what it took.
      switch words[2] {
      case "+", ">":
        callers.append(String(words[1]))
        alive.insert(words[3])
      case "-", "<": alive.remove(words[3])
      default: break
      }
    }
    leftCount = alive.count
  }

  /// oneDNN, and the C++ library that takes memory on its behalf.
  static func isOneDNN(_ caller: String) -> Bool {
    caller.contains("libdnnl") || caller.contains("libstdc++")
  }

  /// The two functions of the preloaded library; the C library's own only pass on to it by accident
  /// of symbol versions, so these are asked for by version.
  static func functions() -> (start: () -> Void, stop: () -> Void)? {
    typealias Look =
      @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>, UnsafePointer<CChar>)
      -> UnsafeMutableRawPointer?
    typealias Switch = @convention(c) () -> Void
    guard let handle = dlopen(library, RTLD_LAZY), let look = dlsym(nil, "dlvsym") else {
      return nil
    }
    let find = unsafeBitCast(look, to: Look.self)
    guard let start = find(handle, "mtrace", "GLIBC_2.2.5"),
      let stop = find(handle, "muntrace", "GLIBC_2.2.5")
    else { return nil }
    let (on, off) = (
      unsafeBitCast(start, to: Switch.self), unsafeBitCast(stop, to: Switch.self)
    )
    return ({ on() }, { off() })
  }
}

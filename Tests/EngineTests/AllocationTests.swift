import Engine
import Foundation
import Glibc
import Graphs
import Models
import Quantization
import Tensors
import Testing

/// The step makes no Swift object and leaves the C heap as it found it.
///
/// Both counts are those of a whole process, so a child process that runs nothing else takes them:
/// this program, with one test enabled. oneDNN itself makes small argument tables in
/// `dnnl_primitive_execute` and frees them before it returns; that is why the heap is compared by
/// what is in use before and after, and Swift's objects, which the engine is responsible for, are
/// counted one by one.
@Suite struct AllocationTests {
  private static let variable = "EDGEWISE_ALLOCATION_CHILD"
  private static let isChild = ProcessInfo.processInfo.environment[variable] != nil

  @Test(.disabled(if: isChild)) func `a step allocates nothing`() throws {
    let folder = FileManager.default.temporaryDirectory
    let report = folder.appending(path: "edgewise-allocations-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: report) }
    let process = Process()
    process.executableURL = URL(
      filePath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    process.arguments = [
      "--testing-library", "swift-testing", "--filter", "AllocationTests",
    ]
    var environment = ProcessInfo.processInfo.environment
    environment[Self.variable] = report.path
    environment["OMP_NUM_THREADS"] = "1"
    process.environment = environment
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let text = try String(contentsOf: report, encoding: .utf8)
    #expect(text == "float: 0 bytes, 0 objects; quantized: 0 bytes, 0 objects", "\(text)")
  }

  @Test(.enabled(if: isChild)) func `count for the parent`() throws {
    let graph = yolov8(.n, classNames: ["car"], inputHeight: 64, inputWidth: 64)
      .placingSites(Target.portable.placement!)
    let store = ParameterStore(graph)
    store.load(graph.initialWeights(seed: 1))
    let plan = try TrainingPlan(graph: graph, batchSize: 2, store: store)
    let pixels = [UInt8](repeating: 100, count: 2 * 64 * 64 * 3)
    for site in graph.sites.indices {
      plan.setGrid(Grid(covering: -1, 1, bits: 8, symmetric: true), site: site)
    }
    func step() {
      plan.prepareWeights()
      pixels.withUnsafeBufferPointer { plan.setInput($0.baseAddress!) }
      plan.forward()
      for output in graph.outputs { plan.outputGradient(output)[0] = 1 }
      plan.backward()
    }
    var parts: [String] = []
    for (name, mode) in [("float", QuantizationMode.off), ("quantized", .quantize)] {
      plan.quantizationMode = mode
      // What oneDNN and the runtime make at first use.
      step()
      step()
      let counter = try #require(ObjectCounter())
      let (before, after) = (try #require(HeapReport()), try #require(HeapReport()))
      before.take()
      counter.start()
      for _ in 0..<5 { step() }
      let objects = counter.stop()
      after.take()
      let bytes = try #require(after.usedByteCount()) - #require(before.usedByteCount())
      parts.append("\(name): \(bytes) bytes, \(objects) objects")
    }
    try parts.joined(separator: "; ").write(
      toFile: ProcessInfo.processInfo.environment[Self.variable]!, atomically: true,
      encoding: .utf8)
  }
}

/// Counts the Swift objects that one thread makes, through the hook the runtime keeps for
/// instruments. For a process that does nothing else.
private struct ObjectCounter {
  typealias Allocate = @convention(c) (UnsafeRawPointer?, Int, Int) -> UnsafeMutableRawPointer?

  private let hook: UnsafeMutablePointer<Allocate>
  private let enabled: UnsafeMutablePointer<Bool>?

  /// One thread counts at a time, and only the thread that `start` was called on writes.
  nonisolated(unsafe) private static var count = 0
  nonisolated(unsafe) private static var counts = false
  nonisolated(unsafe) private static var thread = pthread_self()
  nonisolated(unsafe) private static var original: Allocate?

  /// `nil` where the runtime has no such hook.
  init?() {
    guard let symbol = dlsym(nil, "_swift_allocObject") else { return nil }
    hook = symbol.assumingMemoryBound(to: Allocate.self)
    enabled = dlsym(
      nil, "_swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly"
    )?.assumingMemoryBound(to: Bool.self)
    if Self.original == nil { Self.original = hook.pointee }
  }

  func start() {
    Self.thread = pthread_self()
    Self.count = 0
    hook.pointee = { metadata, size, alignment in
      if ObjectCounter.counts && pthread_self() == ObjectCounter.thread { ObjectCounter.count += 1 }
      return ObjectCounter.original!(metadata, size, alignment)
    }
    enabled?.pointee = true
    Self.counts = true
  }

  func stop() -> Int {
    Self.counts = false
    return Self.count
  }
}

/// What glibc's `malloc_info` says about the C heap. All memory for it is made beforehand.
private struct HeapReport {
  typealias Report = @convention(c) (CInt, UnsafeMutablePointer<FILE>) -> CInt

  private let report: Report
  private let file: UnsafeMutablePointer<FILE>

  /// `nil` where the C library is another.
  init?() {
    guard let symbol = dlsym(nil, "malloc_info"), let file = tmpfile() else { return nil }
    report = unsafeBitCast(symbol, to: Report.self)
    self.file = file
    // The file's buffer is made at its first use.
    fputs(" ", file)
    fflush(file)
  }

  func take() {
    _ = report(0, file)
    fflush(file)
  }

  /// Bytes taken from the system that are not free: current - free in all arenas + mapped.
  func usedByteCount() -> Int? {
    rewind(file)
    var text = ""
    var line = [CChar](repeating: 0, count: 4096)
    while fgets(&line, CInt(line.count), file) != nil {
      text += String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    // The totals over all arenas stand behind the last arena.
    guard let totals = text.components(separatedBy: "</heap>").last else { return nil }
    func size(_ tag: String) -> Int? {
      guard let start = totals.range(of: tag),
        let size = totals[start.upperBound...].range(of: "size=\"")
      else { return nil }
      return Int(totals[size.upperBound...].prefix { $0.isNumber })
    }
    guard let current = size("<system type=\"current\""), let fast = size("<total type=\"fast\""),
      let rest = size("<total type=\"rest\""), let mapped = size("<total type=\"mmap\"")
    else { return nil }
    return current - fast - rest + mapped
  }
}

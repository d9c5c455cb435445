import Foundation
import Glibc

/// What reads one kind of file, with the first inputs for it. A crash, a trap, a read out of bounds, a
/// hang or too much memory is a finding; a refusal is not.
struct FuzzedReader: Sendable {
  var seeds: @Sendable () throws -> [[UInt8]]
  var read: @Sendable (FuzzFolder, [UInt8]) -> Void
}

private func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

/// `EDGEWISE_FUZZ_READER` names the reader.
private let reader: FuzzedReader = {
  let name = ProcessInfo.processInfo.environment["EDGEWISE_FUZZ_READER"] ?? ""
  guard let reader = readers[name] else {
    say("EDGEWISE_FUZZ_READER is \(name); expected \(readers.keys.sorted())")
    exit(1)
  }
  // With `EDGEWISE_FUZZ_WRITE_SEEDS` the first inputs are written into that folder, and that is all.
  if let folder = ProcessInfo.processInfo.environment["EDGEWISE_FUZZ_WRITE_SEEDS"] {
    do {
      for (index, seed) in try reader.seeds().enumerated() {
        try Data(seed).write(to: URL(fileURLWithPath: "\(folder)/seed-\(index)"))
      }
      // The fuzzer takes an ordinary exit for a crash.
      _exit(0)
    } catch {
      say("no seeds for \(name): \(error)")
      exit(1)
    }
  }
  return reader
}()

private let readers = [
  "recipe": recipe, "data-yaml": dataYAML, "labels": labels, "list": list, "coco": coco,
  "coco-scores": cocoScores, "penn-fudan": pennFudan, "image": image, "manifest": manifest,
  "checkpoint": checkpoint, "graph": graph, "results": results, "metrics": metrics,
  "weights": weights, "pickle": pickle,
]

/// A folder of this process in memory, in which inputs become files.
final class FuzzFolder {
  let path = "/dev/shm/edgewise-fuzz-\(getpid())"

  func write(_ bytes: [UInt8], to name: String) {
    let file = "\(path)/\(name)"
    try! FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try! Data(bytes).write(to: URL(fileURLWithPath: file))
  }

  /// Writes a file that stays as it is from input to input.
  func keep(_ bytes: [UInt8], as name: String) {
    if kept.insert(name).inserted { write(bytes, to: name) }
  }

  private var kept: Set<String> = []
}

// The fuzzer hands over one input at a time, on one thread.
nonisolated(unsafe) private let folder = FuzzFolder()

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  reader.read(folder, Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}

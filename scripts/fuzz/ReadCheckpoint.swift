import Checkpoints
import Foundation

/// A folder of this process in memory, in which each input becomes a checkpoint.
private let folder: String = {
  let path = "/dev/shm/edgewise-fuzz-\(getpid())"
  try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  return path
}()

private let limits: CheckpointLimits = {
  var limits = CheckpointLimits()
  limits.tensorByteCount = 1 << 20
  limits.rawByteCount = 4 << 20
  return limits
}()

private func write(_ bytes: [UInt8], to name: String) {
  let file = fopen("\(folder)/\(name)", "wb")!
  fwrite(bytes, 1, bytes.count, file)
  fclose(file)
}

/// Two bytes with the length of the manifest's text behind its checksum line, the text, and the first
/// shard file. The checksum is made right, for otherwise nothing behind it would be reached.
///
/// A crash, a trap, a leak of memory bounds or a run out of memory is a finding; a refusal is not.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count >= 2 else { return 0 }
  let input = UnsafeBufferPointer(start: start, count: count)
  let length = min(Int(input[0]) | Int(input[1]) << 8, count - 2)
  write(ManifestFile.bytes(ofText: Array(input[2..<2 + length])), to: "manifest.json")
  write(Array(input[(2 + length)...]), to: "shard-000.zst")
  if let reader = try? CheckpointReader(path: folder, limits: limits, threads: 1) {
    _ = try? reader.readAll()
    _ = try? reader.description(withStatistics: true, withHistograms: true).text
  }
  _ = verify(path: folder, limits: limits).text
  return 0
}

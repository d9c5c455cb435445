import WeightFiles

/// The first byte decides what the others are: a whole file, or the pickle of a PyTorch file, around which an
/// archive with the right checksum is laid, for otherwise nothing behind the checksum would be reached.
///
/// A crash, a trap, a leak of memory bounds or a run out of memory is a finding; a refusal is not.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count >= 1 else { return 0 }
  let rest = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
  var limits = WeightLimits()
  limits.itemCount = 1 << 16
  let bytes = start[0] & 1 == 0 ? rest : archive(rest)
  guard let file = try? WeightFile(bytes, path: "input", limits: limits) else { return 0 }
  for entry in file.tensors { _ = try? file.read(entry.name) }
  return 0
}

/// A zip archive with the pickle and one storage of 64 bytes.
private func archive(_ pickle: [UInt8]) -> [UInt8] {
  func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
  var result: [UInt8] = []
  var directory: [UInt8] = []
  for (name, bytes) in [("a/data.pkl", pickle), ("a/data/0", [UInt8](repeating: 1, count: 64))] {
    let sum = bytes.withUnsafeBytes { checksum($0) }
    let common: [UInt8] =
      [20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0] + little(Int(sum), 4) + little(bytes.count, 4)
      + little(bytes.count, 4) + little(name.utf8.count, 2) + [0, 0]
    directory += [0x50, 0x4B, 1, 2, 20, 0] + common + [UInt8](repeating: 0, count: 10)
    directory += little(result.count, 4) + name.utf8
    result += [0x50, 0x4B, 3, 4] + common + name.utf8 + bytes
  }
  return result + directory + [0x50, 0x4B, 5, 6, 0, 0, 0, 0, 2, 0, 2, 0]
    + little(directory.count, 4) + little(result.count, 4) + [0, 0]
}

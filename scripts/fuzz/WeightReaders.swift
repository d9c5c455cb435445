import Foundation
import WeightFiles

// The readers of other programs' weights: whole files, and the pickle inside a PyTorch file.

private let fixtures = "Tests/WeightFilesTests/Fixtures"

private func fixture(_ name: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(fixtures)/\(name)")))
}

private func names() throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: fixtures).sorted()
}

private func read(_ bytes: [UInt8]) {
  var limits = WeightLimits()
  limits.itemCount = 1 << 16
  guard let file = try? WeightFile(bytes, path: "input", limits: limits) else { return }
  for entry in file.tensors { _ = try? file.read(entry.name) }
}

let weights = FuzzedReader { try names().map(fixture) } read: { _, input in read(input) }

/// An archive with the right checksum is laid around the input, for otherwise nothing behind the checksum
/// would be reached.
let pickle = FuzzedReader {
  try names().filter { $0.hasSuffix(".pt") }.map(fixture).compactMap(storedPickle)
} read: { _, input in
  read(archive(input))
}

/// The pickle of a PyTorch file: the stored entry whose name ends in `data.pkl`.
private func storedPickle(_ file: [UInt8]) -> [UInt8]? {
  func little(_ place: Int, _ count: Int) -> Int {
    (0..<count).reduce(0) { $0 | Int(file[place + $1]) << (8 * $1) }
  }
  var place = 0
  while place + 30 < file.count, Array(file[place..<place + 4]) == [0x50, 0x4B, 3, 4] {
    let (size, name, extra) = (little(place + 18, 4), little(place + 26, 2), little(place + 28, 2))
    let start = place + 30 + name + extra
    guard start + size <= file.count else { return nil }
    let text = String(decoding: file[place + 30..<place + 30 + name], as: UTF8.self)
    if text.hasSuffix("data.pkl"), little(place + 8, 2) == 0 {
      return Array(file[start..<start + size])
    }
    place = start + size
  }
  return nil
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

import Testing
import WeightFiles

/// Zip archives of stored entries, made and taken apart.
enum ZipBuilder {
  struct Entry {
    var name: String
    var bytes: [UInt8]
  }

  static func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  static func archive(_ entries: [Entry]) -> [UInt8] {
    var result: [UInt8] = []
    var directory: [UInt8] = []
    for entry in entries {
      let sum = entry.bytes.withUnsafeBytes { checksum($0) }
      let common: [UInt8] =
        [20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0] + little(Int(sum), 4) + little(entry.bytes.count, 4)
        + little(entry.bytes.count, 4) + little(entry.name.utf8.count, 2) + [0, 0]
      directory += [0x50, 0x4B, 1, 2, 20, 0] + common + [UInt8](repeating: 0, count: 10)
      directory += little(result.count, 4) + entry.name.utf8
      result += [0x50, 0x4B, 3, 4] + common + entry.name.utf8 + entry.bytes
    }
    let count = little(entries.count, 2)
    return result + directory + [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + count + count
      + little(directory.count, 4) + little(result.count, 4) + [0, 0]
  }

  /// The entries of an archive whose local headers tell the lengths.
  static func entries(of bytes: [UInt8]) throws -> [Entry] {
    func number(_ place: Int, _ count: Int) -> Int {
      (0..<count).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
    }
    var result: [Entry] = []
    var place = 0
    while bytes[place...].starts(with: [0x50, 0x4B, 3, 4]) {
      let name = number(place + 26, 2)
      let start = place + 30 + name + number(place + 28, 2)
      let end = start + number(place + 18, 4)
      try #require(end <= bytes.count)
      result.append(
        Entry(
          name: String(decoding: bytes[place + 30..<place + 30 + name], as: UTF8.self),
          bytes: Array(bytes[start..<end])))
      place = end
    }
    return result
  }
}

import Foundation

/// The memory of another process, for a test that damages it.
struct ProcessMemory {
  let process: Int32

  /// Flips the lowest bit of the first byte of every place that holds `pattern`.
  ///
  /// - Returns: the number of places.
  func flipBit(whereIs pattern: [UInt8]) throws -> Int {
    let maps = try String(contentsOfFile: "/proc/\(process)/maps", encoding: .utf8)
    let memory = open("/proc/\(process)/mem", O_RDWR)
    guard memory >= 0 else { throw POSIXError(.EACCES) }
    defer { close(memory) }
    var count = 0
    for line in maps.split(separator: "\n") {
      let words = line.split(separator: " ", omittingEmptySubsequences: true)
      // Anonymous memory that is read and written: the heap and what malloc maps.
      guard words.count >= 5, words[1] == "rw-p", words[4] == "0" else { continue }
      let ends = words[0].split(separator: "-").compactMap { Int($0, radix: 16) }
      guard ends.count == 2 else { continue }
      count += flip(pattern, in: ends[0]..<ends[1], memory)
    }
    return count
  }

  private func flip(_ pattern: [UInt8], in range: Range<Int>, _ memory: Int32) -> Int {
    var count = 0
    let chunk = 1 << 22
    var start = range.lowerBound
    while start < range.upperBound {
      // Neighbours overlap, so that no place is cut in two.
      var bytes = [UInt8](
        repeating: 0, count: min(chunk + pattern.count - 1, range.upperBound - start))
      let read = pread(memory, &bytes, bytes.count, start)
      if read > 0 {
        let text = Data(bytes[..<read])
        var from = text.startIndex
        while let found = text.range(of: Data(pattern), in: from..<text.endIndex) {
          var byte = text[found.lowerBound] ^ 1
          if pwrite(memory, &byte, 1, start + found.lowerBound) == 1 { count += 1 }
          from = found.lowerBound + 1
        }
      }
      start += chunk
    }
    return count
  }
}

import Checkpoints
import Foundation
import Parallel

/// A file in which another program gives back numbers: a line of JSON, then raw little-endian numbers.
/// Whoever reads it asks for its length first, so that it takes no more memory than a piece.
final class NumberFile {
  let path: String
  /// What the first line says; `null` where it is no JSON.
  let header: JSONValue
  /// Bytes behind the first line.
  let bodyByteCount: Int
  private let bodyStart: Int
  private let file: InputFile

  /// The longest first line.
  private static let headerByteCount = 1 << 20

  /// - Throws: a sentence for what cannot be read, `CheckpointError` for what is no regular file.
  init(_ path: String) throws {
    guard FileManager.default.isReadableFile(atPath: path) else { throw unreadable(path) }
    self.path = path
    file = try InputFile(path: path)
    let bytes = try Self.bytes(
      of: file, from: 0, count: min(file.byteCount, Self.headerByteCount))
    let end = bytes.firstIndex(of: UInt8(ascii: "\n"))
    header = (try? JSONValue(parsing: Array(bytes[..<(end ?? 0)]))) ?? .null  // bounded: an index of bytes
    bodyStart = (end ?? 0) + 1  // bounded: at most 2²⁰
    bodyByteCount = max(file.byteCount - bodyStart, 0)  // bounded: both are 0 or more
  }

  /// The `count` bytes of the body from `start` on.
  ///
  /// - Precondition: the body is so long.
  func bytes(from start: Int, count: Int) throws(CheckpointError) -> [UInt8] {
    try Self.bytes(of: file, from: bodyStart + start, count: count)  // bounded: inside the file
  }

  private static func bytes(
    of file: InputFile, from start: Int, count: Int
  ) throws(CheckpointError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBytes { room in
      Result { () throws(CheckpointError) in try file.read(into: room, at: start) }
    }.get()
    return bytes
  }
}

/// The little-endian FP32 number number `index` of `bytes`.
// bounded: by the caller, who asked for as many bytes
func number(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Float {
  Float(
    bitPattern: UInt32(
      littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))  // bounded: by the caller
}

import Tensors

/// A part of a file. Nothing outside it can be reached: every place and length is checked.
struct Bytes: Sendable {
  let contents: FileContents
  /// Where the part starts in `contents`.
  let start: Int
  let count: Int

  init(_ contents: FileContents) {
    self.contents = contents
    start = 0
    count = contents.memory.byteCount
  }

  private init(_ contents: FileContents, start: Int, count: Int) {
    self.contents = contents
    self.start = start
    self.count = count
  }

  var path: String { contents.path }
  var limits: WeightLimits { contents.limits }

  /// The part as it lies in memory; valid as long as the file's contents live, which `WeightFile` sees to.
  var pointer: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: contents.memory.base + start, count: count)
  }

  /// `count` bytes from `offset` on; `what` names them where they are not all there.
  func part(_ offset: Int, count: Int, of what: String) throws(WeightFileError) -> Bytes {
    guard offset >= 0, count >= 0, offset <= self.count, count <= self.count - offset else {
      throw damaged(
        "\(what) needs \(count) bytes at byte \(offset) of \(self.count)", expected: "fewer")
    }
    return Bytes(contents, start: start + offset, count: count)
  }

  /// The little-endian number at `offset`.
  func integer<T: FixedWidthInteger & BitwiseCopyable>(
    at offset: Int, as type: T.Type, of what: String
  ) throws(WeightFileError) -> T {
    let size = MemoryLayout<T>.size
    guard offset >= 0, offset <= count, size <= count - offset else {
      throw damaged("\(what) at byte \(offset) lies behind the end", expected: "\(size) bytes")
    }
    return T(littleEndian: pointer.loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  /// A number of 64 bits that has to be a place or a length.
  func length(at offset: Int, of what: String) throws(WeightFileError) -> Int {
    let value = try integer(at: offset, as: UInt64.self, of: what)
    guard let result = Int(exactly: value) else {
      throw damaged("\(what) is \(value)", expected: "a length")
    }
    return result
  }

  /// All of it as UTF-8.
  func text(of what: String) throws(WeightFileError) -> String {
    guard let text = String(validating: pointer, as: UTF8.self) else {
      throw damaged("\(what) is not UTF-8", expected: "text")
    }
    return text
  }

  func starts(with bytes: [UInt8]) -> Bool {
    count >= bytes.count && pointer.prefix(bytes.count).elementsEqual(bytes)
  }

  func damaged(_ found: String, expected: String) -> WeightFileError {
    .damaged(file: path, found: found, expected: expected)
  }

  func limit(_ found: String, _ limit: String) -> WeightFileError {
    .limit(file: path, found: found, limit: limit)
  }

  func unsupported(_ found: String, _ advice: String) -> WeightFileError {
    .unsupported(file: path, found: found, advice: advice)
  }
}

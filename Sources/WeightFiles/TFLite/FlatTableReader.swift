/// A table of a FlatBuffer, read in place; every offset is checked before it is followed.
///
/// *Source:* the FlatBuffers binary format. A table begins with the distance back to its vtable; a vtable is
/// its own size, the table's, and each field's place in the table or 0, as 16 bits. Offsets
/// are 32 bits, from where they stand to what they mean.
struct FlatTableReader: Sendable {
  private let bytes: Bytes
  private let start: Int
  private let vtable: Int
  private let vtableByteCount: Int
  private let what: String

  /// The root of a buffer.
  init(root bytes: Bytes, of what: String) throws(WeightFileError) {
    let offset = Int(try bytes.integer(at: 0, as: UInt32.self, of: what))
    try self.init(bytes, at: offset, of: what)
  }

  private init(_ bytes: Bytes, at start: Int, of what: String) throws(WeightFileError) {
    let distance = Int(try bytes.integer(at: start, as: Int32.self, of: what))
    vtable = start - distance
    vtableByteCount = Int(try bytes.integer(at: vtable, as: UInt16.self, of: what))
    guard vtableByteCount >= 4, vtableByteCount <= bytes.count - vtable else {
      throw bytes.damaged("\(what) has no table of fields", expected: "a FlatBuffer")
    }
    self.bytes = bytes
    self.start = start
    self.what = what
  }

  /// Where a field stands; `nil` where it has its default.
  private func place(_ field: Int) throws(WeightFileError) -> Int? {
    let entry = 4 + 2 * field
    guard entry + 2 <= vtableByteCount else { return nil }
    let offset = try bytes.integer(at: vtable + entry, as: UInt16.self, of: what)
    return offset == 0 ? nil : start + Int(offset)
  }

  /// What a field that is an offset points to.
  private func target(_ field: Int) throws(WeightFileError) -> Int? {
    guard let place = try place(field) else { return nil }
    return place + Int(try bytes.integer(at: place, as: UInt32.self, of: what))
  }

  func number<T: FixedWidthInteger & BitwiseCopyable>(
    _ field: Int, _ otherwise: T
  ) throws(WeightFileError) -> T {
    guard let place = try place(field) else { return otherwise }
    return try bytes.integer(at: place, as: T.self, of: what)
  }

  func text(_ field: Int) throws(WeightFileError) -> String? {
    guard let part = try vector(field, elementByteCount: 1) else { return nil }
    guard part.count < 1024 else { throw bytes.limit("a longer name", "1023 bytes") }
    return String(decoding: part.pointer, as: UTF8.self)
  }

  /// The bytes of a vector of elements of this size.
  func vector(_ field: Int, elementByteCount: Int) throws(WeightFileError) -> Bytes? {
    guard let place = try target(field) else { return nil }
    let count = Int(try bytes.integer(at: place, as: UInt32.self, of: what))
    // At most 2³² times 8.
    return try bytes.part(place + 4, count: count * elementByteCount, of: "a vector of \(what)")
  }

  func integers<T: FixedWidthInteger & BitwiseCopyable>(
    _ field: Int, as type: T.Type, limit: Int = 1 << 16
  ) throws(WeightFileError) -> [Int] {
    let size = MemoryLayout<T>.size
    guard let part = try vector(field, elementByteCount: size) else { return [] }
    guard part.count <= limit * size else {
      throw bytes.limit("\(part.count / size) numbers for \(what)", "\(limit)")
    }
    var result: [Int] = []
    for offset in stride(from: 0, to: part.count, by: size) {
      result.append(Int(truncatingIfNeeded: try part.integer(at: offset, as: T.self, of: what)))
    }
    return result
  }

  func floats(_ field: Int) throws(WeightFileError) -> [Float] {
    try integers(field, as: UInt32.self).map { Float(bitPattern: UInt32(truncatingIfNeeded: $0)) }
  }

  func table(_ field: Int, of what: String) throws(WeightFileError) -> FlatTableReader? {
    guard let place = try target(field) else { return nil }
    return try FlatTableReader(bytes, at: place, of: what)
  }

  /// The tables of a vector.
  func tables(_ field: Int, of what: String) throws(WeightFileError) -> [FlatTableReader] {
    guard let place = try target(field) else { return [] }
    let count = Int(try bytes.integer(at: place, as: UInt32.self, of: what))
    guard count <= bytes.limits.itemCount >> 2 else {
      throw bytes.limit("\(count) of \(what)", "\(bytes.limits.itemCount >> 2)")
    }
    _ = try bytes.part(place + 4, count: 4 * count, of: what)
    var result: [FlatTableReader] = []
    for index in 0..<count {
      let entry = place + 4 + 4 * index
      let offset = Int(try bytes.integer(at: entry, as: UInt32.self, of: what))
      result.append(try FlatTableReader(bytes, at: entry + offset, of: what))
    }
    return result
  }
}

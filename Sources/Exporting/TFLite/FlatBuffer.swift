/// A value in a FlatBuffer: a number that stands in its table, or something the table points to.
indirect enum FlatValue {
  case bool(Bool)
  case int8(Int8)
  case uint8(UInt8)
  case int32(Int32)
  case uint32(UInt32)
  case string(String)
  /// A vector of bytes whose first one lies on a multiple of the alignment.
  case bytes([UInt8], alignment: Int)
  case int32s([Int32])
  case int64s([Int64])
  case floats([Float])
  case table(FlatTable)
  case tables([FlatTable])
}

/// A table: values by the number of their field in the schema.
struct FlatTable {
  var fields: [Int: FlatValue]

  init(_ fields: [Int: FlatValue] = [:]) { self.fields = fields }
}

/// Lays out a tree of tables as a FlatBuffer, front to back: every table before what it points to.
///
/// *Source:* the FlatBuffers binary format. A table is the distance back to its vtable, then its
/// fields; a vtable is its own size, the table's size, and each field's place or 0, as 16 bits. Offsets
/// are 32 bits, from where they stand to what they mean. All numbers are little-endian.
struct FlatBufferWriter {
  private var bytes: [UInt8] = []

  /// - Parameter identifier: four letters behind the offset of the root.
  static func bytes(root: FlatTable, identifier: String) -> [UInt8] {
    precondition(identifier.utf8.count == 4, "identifier \(identifier)")
    var writer = FlatBufferWriter()
    writer.append(UInt32(0))
    writer.bytes += identifier.utf8
    writer.patch(0, with: writer.append(root))
    return writer.bytes
  }

  private mutating func append<T: FixedWidthInteger>(_ value: T) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Zeros until `bytes.count + offset` is a multiple of `alignment`.
  private mutating func align(_ alignment: Int, offset: Int = 0) {
    while (bytes.count + offset) % alignment != 0 { bytes.append(0) }
  }

  private mutating func patch(_ place: Int, with target: Int) {
    withUnsafeBytes(of: UInt32(target - place).littleEndian) {
      bytes.replaceSubrange(place..<place + 4, with: $0)
    }
  }

  /// Returns where the table starts.
  private mutating func append(_ table: FlatTable) -> Int {
    // Fields of four bytes, then those of one; within a size by number, so that equal tables are
    // equal bytes.
    let order = table.fields.keys.sorted { a, b in
      let (wide, other) = (table.fields[a]!.isWide, table.fields[b]!.isWide)
      return wide == other ? a < b : wide
    }
    var places: [Int: Int] = [:]
    var size = 4
    for id in order {
      places[id] = size
      size += table.fields[id]!.isWide ? 4 : 1
    }
    align(4)
    let fieldCount = (table.fields.keys.max() ?? -1) + 1
    // The vtable is of 2 bytes' alignment and the table behind it of 4.
    if fieldCount % 2 == 1 { append(UInt16(0)) }
    let vtable = bytes.count
    append(UInt16(4 + 2 * fieldCount))
    append(UInt16(size))
    for id in 0..<fieldCount { append(UInt16(places[id] ?? 0)) }
    let start = bytes.count
    append(Int32(start - vtable))
    var pending: [(place: Int, value: FlatValue)] = []
    for id in order {
      switch table.fields[id]! {
      case .bool(let value): append(UInt8(value ? 1 : 0))
      case .int8(let value): append(value)
      case .uint8(let value): append(value)
      case .int32(let value): append(value)
      case .uint32(let value): append(value)
      case let value:
        pending.append((bytes.count, value))
        append(UInt32(0))
      }
    }
    for (place, value) in pending { patch(place, with: append(value)) }
    return start
  }

  /// Something that is pointed to; returns where it starts.
  private mutating func append(_ value: FlatValue) -> Int {
    switch value {
    case .table(let table): return append(table)
    case .string(let text):
      align(4)
      let start = bytes.count
      append(UInt32(text.utf8.count))
      bytes += text.utf8
      bytes.append(0)
      return start
    case .bytes(let values, let alignment):
      let start = appendCount(values.count, alignment: alignment)
      bytes += values
      return start
    case .int32s(let values):
      let start = appendCount(values.count, alignment: 4)
      for value in values { append(value) }
      return start
    case .int64s(let values):
      let start = appendCount(values.count, alignment: 8)
      for value in values { append(value) }
      return start
    case .floats(let values):
      let start = appendCount(values.count, alignment: 4)
      for value in values { append(value.bitPattern) }
      return start
    case .tables(let tables):
      let start = appendCount(tables.count, alignment: 4)
      let first = bytes.count
      for _ in tables { append(UInt32(0)) }
      for (index, table) in tables.enumerated() {
        patch(first + 4 * index, with: append(table))
      }
      return start
    case .bool, .int8, .uint8, .int32, .uint32:
      preconditionFailure("a number stands in its table")
    }
  }

  /// The length of a vector, placed so that the elements behind it are aligned.
  private mutating func appendCount(_ count: Int, alignment: Int) -> Int {
    align(max(alignment, 4), offset: 4)
    append(UInt32(count))
    return bytes.count - 4
  }
}

extension FlatValue {
  /// Whether it takes four bytes in its table: a number of 32 bits or an offset.
  fileprivate var isWide: Bool {
    switch self {
    case .bool, .int8, .uint8: false
    default: true
    }
  }
}

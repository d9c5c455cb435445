/// Goes through the fields of one protobuf message, without making anything but ranges.
///
/// *Source:* the encoding's description in protobuf's documentation: a field is a varint of number and kind,
/// then a varint, 8 or 4 bytes, or a length with as many bytes.
struct ProtobufReader {
  enum Value {
    case varint(UInt64)
    case fixed64(UInt64)
    case fixed32(UInt32)
    case bytes(Bytes)
  }

  private let message: Bytes
  private let what: String
  private var position = 0

  init(_ message: Bytes, of what: String) {
    self.message = message
    self.what = what
  }

  /// The next field; `nil` at the message's end.
  mutating func next() throws(WeightFileError) -> (number: Int, value: Value)? {
    guard position < message.count else { return nil }
    let key = try varint()
    guard key >> 3 > 0, let number = Int(exactly: key >> 3), number < 1 << 29 else {
      throw message.damaged("\(what) has a field without a number", expected: "a protobuf message")
    }
    switch key & 7 {
    case 0: return (number, .varint(try varint()))
    case 1:
      let value = try message.integer(at: position, as: UInt64.self, of: what)
      position += 8
      return (number, .fixed64(value))
    case 2:
      let length = try varint()
      guard let count = Int(exactly: length) else {
        throw message.damaged("\(what) has a field of \(length) bytes", expected: "fewer")
      }
      let part = try message.part(position, count: count, of: "a field of \(what)")
      position += count
      return (number, .bytes(part))
    case 5:
      let value = try message.integer(at: position, as: UInt32.self, of: what)
      position += 4
      return (number, .fixed32(value))
    default:
      throw message.damaged(
        "\(what) has a field of the unknown kind \(key & 7)", expected: "a protobuf message")
    }
  }

  private mutating func varint() throws(WeightFileError) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<10 {
      let byte = try message.integer(at: position, as: UInt8.self, of: what)
      position += 1
      // The tenth byte has room for one bit; others are dropped, as everywhere.
      value |= UInt64(byte & 0x7F) << UInt64(7 * index)
      if byte < 0x80 { return value }
    }
    throw message.damaged("\(what) has a number of more than ten bytes", expected: "at most ten")
  }

  /// The next number where the message is a packed list of varints; `nil` at its end.
  mutating func nextVarint() throws(WeightFileError) -> UInt64? {
    position < message.count ? try varint() : nil
  }
}

extension ProtobufReader.Value {
  var bytes: Bytes? { if case .bytes(let value) = self { value } else { nil } }

  var integer: Int? {
    if case .varint(let value) = self { Int(truncatingIfNeeded: value) } else { nil }
  }

  var float: Float? {
    if case .fixed32(let bits) = self { Float(bitPattern: bits) } else { nil }
  }
}

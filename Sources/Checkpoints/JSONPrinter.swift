extension JSONValue {
  /// The value as UTF-8 text: two spaces of indentation, keys sorted, no line feed at the end.
  ///
  /// An array or object that fits on the rest of a 100-column line stays on it.
  public func bytes() -> [UInt8] {
    var printer = JSONPrinter()
    printer.print(self, indent: 0, column: 0)
    return printer.bytes
  }

  /// The value as text, as `bytes()` lays it out.
  public var text: String { String(decoding: bytes(), as: UTF8.self) }

  /// The value on one line.
  public var lineText: String {
    var printer = JSONPrinter()
    _ = printer.printFlat(self, limit: .max)
    return String(decoding: printer.bytes, as: UTF8.self)
  }

  static func name(ofNonFinite value: Double) -> String {
    value.isNaN ? "nan" : value > 0 ? "inf" : "-inf"
  }
}

/// Lays out JSON; the same value gives the same bytes on every machine.
struct JSONPrinter {
  static let columns = 100

  var bytes: [UInt8] = []

  /// Appends `value`, which starts at `column` of a line indented by `indent`.
  mutating func print(_ value: JSONValue, indent: Int, column: Int) {
    let start = bytes.count
    // One column is left for a comma.
    let room = max(Self.columns - column - 1, 0)
    if value.leastByteCount(limit: room) <= room {
      if printFlat(value, limit: start + room) { return }
      bytes.removeLast(bytes.count - start)
    }
    switch value {
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      for (i, element) in elements.enumerated() {
        startLine(indent + 2, isFirst: i == 0)
        print(element, indent: indent + 2, column: indent + 2)
      }
      endLine(indent, closing: "]")
    case .object(let members):
      bytes.append(UInt8(ascii: "{"))
      for (i, (key, value)) in members.sorted(by: { $0.key < $1.key }).enumerated() {
        startLine(indent + 2, isFirst: i == 0)
        let keyStart = bytes.count
        print(string: key)
        bytes += ": ".utf8
        print(
          value, indent: indent + 2, column: indent + 2 + bytes.count - keyStart)
      }
      endLine(indent, closing: "}")
    default:
      _ = printFlat(value, limit: .max)
    }
  }

  /// Appends `value` on one line; gives up, with some of it written, beyond `limit` bytes.
  mutating func printFlat(_ value: JSONValue, limit: Int) -> Bool {
    switch value {
    case .null: bytes += "null".utf8
    case .bool(let value): bytes += (value ? "true" : "false").utf8
    case .integer(let value): bytes += String(value).utf8
    case .number(let value):
      if value.isFinite {
        bytes += value.description.utf8
      } else {
        print(string: JSONValue.name(ofNonFinite: value))
      }
    case .string(let value): print(string: value)
    case .array(let elements):
      // Each element takes at least a digit, a comma and a space.
      guard bytes.count + elements.count <= limit else { return false }
      bytes.append(UInt8(ascii: "["))
      for (i, element) in elements.enumerated() {
        if i > 0 { bytes += ", ".utf8 }
        guard printFlat(element, limit: limit) else { return false }
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let members):
      guard bytes.count + members.count <= limit else { return false }
      bytes.append(UInt8(ascii: "{"))
      for (i, (key, value)) in members.sorted(by: { $0.key < $1.key }).enumerated() {
        if i > 0 { bytes += ", ".utf8 }
        print(string: key)
        bytes += ": ".utf8
        guard printFlat(value, limit: limit) else { return false }
      }
      bytes.append(UInt8(ascii: "}"))
    }
    return bytes.count <= limit
  }

  mutating func print(string: String) {
    bytes.append(UInt8(ascii: "\""))
    if string.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C && $0 != 0x7F }) {
      bytes += string.utf8
      bytes.append(UInt8(ascii: "\""))
      return
    }
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case 0x0A: bytes += "\\n".utf8
      case 0x09: bytes += "\\t".utf8
      case 0x0D: bytes += "\\r".utf8
      case 0..<0x20, 0x7F:
        let hex = String(byte, radix: 16)
        bytes += "\\u00".utf8
        if hex.utf8.count == 1 { bytes.append(UInt8(ascii: "0")) }
        bytes += hex.utf8
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func startLine(_ indent: Int, isFirst: Bool) {
    if !isFirst { bytes.append(UInt8(ascii: ",")) }
    bytes.append(0x0A)
    bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent))
  }

  private mutating func endLine(_ indent: Int, closing: Unicode.Scalar) {
    bytes.append(0x0A)
    bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent))
    bytes.append(UInt8(ascii: closing))
  }
}

extension JSONValue {
  /// No text of the value on one line is shorter. Found without laying anything out, and not
  /// followed beyond `limit`.
  fileprivate func leastByteCount(limit: Int) -> Int {
    // `[a, b]` takes two bytes more per element than these, `{"k": v, "l": w}` six per member.
    var count = 0
    switch self {
    case .string(let value): return value.utf8.count + 2
    case .array(let elements):
      for element in elements {
        count += element.leastByteCount(limit: limit - count) + 2
        if count > limit { break }
      }
    case .object(let members):
      for (key, value) in members {
        count += key.utf8.count + value.leastByteCount(limit: limit - count) + 6
        if count > limit { break }
      }
    default: break
    }
    return max(count, 1)
  }
}

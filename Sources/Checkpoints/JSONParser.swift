/// Text that is not the JSON we accept; says at which byte and why.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  public let offset: Int
  public let reason: String

  public var description: String { "not valid JSON at byte \(offset): \(reason)" }
}

extension JSONValue {
  /// How deep arrays and objects may be nested: far beyond any recipe or graph, far within a stack.
  public static let maximumDepth = 128
  /// How many values a text may hold: far beyond any manifest. A value takes a hundred times the memory
  /// of its shortest text, so bytes alone are no bound.
  public static let maximumCount = 1 << 20
  /// The longest number in a text.
  static let maximumNumberLength = 1024

  /// The one value in `bytes`.
  ///
  /// Strict JSON (RFC 8259) in valid UTF-8. Refused besides: nesting deeper than `maximumDepth`,
  /// more than `maximumCount` values,
  /// a key given twice, integers beyond 64 bits, numbers beyond a double's range.
  public init(parsing bytes: [UInt8]) throws(JSONError) {
    try self.init(parsing: bytes, leavingOut: [])
  }

  /// The value in a text of this program's own making, however long.
  init(parsingOwn bytes: [UInt8]) throws(JSONError) {
    try self.init(parsing: bytes, leavingOut: [], maximumCount: .max)
  }

  /// As above, without the values of some keys of the outermost object: these become `null`
  /// without being looked at more closely than it takes to find their end.
  init(
    parsing bytes: [UInt8], leavingOut skipped: Set<String>, maximumCount: Int = Self.maximumCount
  ) throws(JSONError) {
    let result = bytes.withUnsafeBufferPointer { source in
      Result { () throws(JSONError) in
        var parser = JSONParser(bytes: source, skipped: skipped, maximumCount: maximumCount)
        return try parser.document()
      }
    }
    self = try result.get()
  }
}

private struct JSONParser {
  let bytes: UnsafeBufferPointer<UInt8>
  let skipped: Set<String>
  let maximumCount: Int
  var offset = 0
  var valueCount = 0

  init(bytes: UnsafeBufferPointer<UInt8>, skipped: Set<String>, maximumCount: Int) {
    self.bytes = bytes
    self.skipped = skipped
    self.maximumCount = maximumCount
  }

  // bounded: offset is compared with the count
  mutating func document() throws(JSONError) -> JSONValue {
    let result = try value(depth: 0)
    skipSpace()
    guard offset == bytes.count else { throw error("more text after the value") }
    return result
  }

  func error(_ reason: String) -> JSONError { JSONError(offset: offset, reason: reason) }

  // bounded: offset is compared with the count before each byte
  mutating func skipSpace() {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x0A, 0x0D, 0x09: offset += 1
      default: return
      }
    }
  }

  /// The next byte that is no space, not consumed.
  // bounded: offset was compared with the count
  mutating func peek() throws(JSONError) -> UInt8 {
    skipSpace()
    guard offset < bytes.count else { throw error("the text ends too early") }
    return bytes[offset]
  }

  // bounded: peek found a byte at offset
  mutating func expect(_ scalar: Unicode.Scalar) throws(JSONError) {
    guard try peek() == UInt8(ascii: scalar) else { throw error("expected '\(scalar)'") }
    offset += 1
  }

  // bounded: depth is at most 128, and the count of values at most 2²⁰
  mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    guard depth <= JSONValue.maximumDepth else {
      throw error("nested deeper than \(JSONValue.maximumDepth) levels")
    }
    valueCount += 1
    guard valueCount <= maximumCount else {
      throw error("more than \(maximumCount) values")
    }
    switch try peek() {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  // bounded: so many bytes are left
  mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
    let count = text.utf8CodeUnitCount
    guard bytes.count - offset >= count,
      (0..<count).allSatisfy({ bytes[offset + $0] == text.utf8Start[$0] })
    else { throw error("expected a value") }
    offset += count
    return value
  }

  // bounded: peek found a byte at offset; depth is at most 128
  mutating func array(depth: Int) throws(JSONError) -> [JSONValue] {
    try expect("[")
    var elements: [JSONValue] = []
    if try peek() == UInt8(ascii: "]") {
      offset += 1
      return elements
    }
    while true {
      elements.append(try value(depth: depth + 1))
      if try peek() == UInt8(ascii: ",") {
        offset += 1
      } else {
        try expect("]")
        return elements
      }
    }
  }

  // bounded: peek found a byte at offset; depth is at most 128
  mutating func object(depth: Int) throws(JSONError) -> [String: JSONValue] {
    try expect("{")
    var members: [String: JSONValue] = [:]
    if try peek() == UInt8(ascii: "}") {
      offset += 1
      return members
    }
    while true {
      guard try peek() == UInt8(ascii: "\"") else { throw error("expected a key") }
      let key = try string()
      try expect(":")
      let member: JSONValue
      if depth == 0, skipped.contains(key) {
        try skipValue()
        member = .null
      } else {
        member = try value(depth: depth + 1)
      }
      guard members.updateValue(member, forKey: key) == nil else {
        throw error("the key \"\(key)\" is given twice")
      }
      if try peek() == UInt8(ascii: ",") {
        offset += 1
      } else {
        try expect("}")
        return members
      }
    }
  }

  /// Moves past one value by its brackets and quotes alone.
  // bounded: offset is compared with the count before each byte; depth stays below it
  mutating func skipValue() throws(JSONError) {
    var depth = 0
    _ = try peek()
    while offset < bytes.count {
      switch bytes[offset] {
      case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        if depth == 0 { return }
        depth -= 1
      case UInt8(ascii: ","):
        if depth == 0 { return }
      case UInt8(ascii: "\""):
        offset += 1
        while offset < bytes.count, bytes[offset] != UInt8(ascii: "\"") {
          offset += bytes[offset] == UInt8(ascii: "\\") ? 2 : 1
        }
      default: break
      }
      offset += 1
    }
    offset = min(offset, bytes.count)
    throw error("the text ends too early")
  }

  // bounded: indices are compared with the count before each byte; 18 digits fit in 64 bits
  mutating func number() throws(JSONError) -> JSONValue {
    let start = offset
    func isDigit(_ index: Int) -> Bool {
      index < bytes.count && bytes[index] >= 0x30 && bytes[index] <= 0x39
    }
    var end = offset
    if end < bytes.count, bytes[end] == UInt8(ascii: "-") { end += 1 }
    guard isDigit(end) else { throw error("expected a value") }
    if bytes[end] == UInt8(ascii: "0"), isDigit(end + 1) {
      throw error("a number starts with a needless zero")
    }
    while isDigit(end) { end += 1 }
    var isWhole = true
    if end < bytes.count, bytes[end] == UInt8(ascii: ".") {
      isWhole = false
      end += 1
      guard isDigit(end) else { throw error("a number lacks its decimals") }
      while isDigit(end) { end += 1 }
    }
    if end < bytes.count, bytes[end] | 0x20 == UInt8(ascii: "e") {
      isWhole = false
      end += 1
      if end < bytes.count, bytes[end] == 0x2B || bytes[end] == 0x2D { end += 1 }
      guard isDigit(end) else { throw error("a number lacks its exponent") }
      while isDigit(end) { end += 1 }
    }
    guard end - start <= JSONValue.maximumNumberLength else {
      throw error("a number of more than \(JSONValue.maximumNumberLength) characters")
    }
    // Up to 18 digits fit in any case.
    if isWhole, end - start <= 18 {
      let isNegative = bytes[start] == UInt8(ascii: "-")
      var value = 0
      for index in (isNegative ? start + 1 : start)..<end {
        value = 10 * value + Int(bytes[index] - 0x30)
      }
      offset = end
      return .integer(isNegative ? -value : value)
    }
    let text = String(decoding: bytes[start..<end], as: UTF8.self)
    if isWhole {
      guard let value = Int(text) else { throw error("\(text) does not fit in 64 bits") }
      offset = end
      return .integer(value)
    }
    guard let value = Double(text), value.isFinite else {
      throw error("\(text) lies beyond a double's range")
    }
    offset = end
    return .number(value)
  }

  // bounded: offset is compared with the count before each byte
  mutating func string() throws(JSONError) -> String {
    offset += 1
    let start = offset
    var union: UInt8 = 0
    while offset < bytes.count, bytes[offset] >= 0x20, bytes[offset] != UInt8(ascii: "\""),
      bytes[offset] != UInt8(ascii: "\\")
    {
      union |= bytes[offset]
      offset += 1
    }
    guard offset < bytes.count else { throw error("a string has no end") }
    if bytes[offset] == UInt8(ascii: "\"") {
      defer { offset += 1 }
      let slice = UnsafeBufferPointer(rebasing: bytes[start..<offset])
      // ASCII is valid as it is.
      return union < 0x80 ? String(decoding: slice, as: UTF8.self) : try text(slice)
    }
    var unescaped = Array(bytes[start..<offset])
    while offset < bytes.count {
      let byte = bytes[offset]
      guard byte >= 0x20 else { throw error("a control character in a string") }
      offset += 1
      if byte == UInt8(ascii: "\"") { return try text(unescaped[...]) }
      if byte == UInt8(ascii: "\\") {
        unescaped += String(try escape()).utf8
      } else {
        unescaped.append(byte)
      }
    }
    throw error("a string has no end")
  }

  func text(_ utf8: some Collection<UInt8>) throws(JSONError) -> String {
    guard let result = String(validating: utf8, as: UTF8.self) else {
      throw error("a string is not valid UTF-8")
    }
    return result
  }

  // bounded: offset is compared with the count before each byte; surrogates give 0x10000 to 0x10FFFF
  mutating func escape() throws(JSONError) -> Unicode.Scalar {
    guard offset < bytes.count else { throw error("a string has no end") }
    defer { offset += 1 }
    switch bytes[offset] {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let high = try unit(at: offset + 1)
      offset += 4
      if let scalar = Unicode.Scalar(UInt32(high)) { return scalar }
      guard high < 0xDC00, offset + 2 < bytes.count, bytes[offset + 1] == UInt8(ascii: "\\"),
        bytes[offset + 2] == UInt8(ascii: "u"),
        case let low = try unit(at: offset + 3), low >= 0xDC00, low < 0xE000,
        let scalar = Unicode.Scalar(
          0x10000 + (UInt32(high) - 0xD800) << 10 + (UInt32(low) - 0xDC00))
      else { throw error("half a surrogate pair") }
      offset += 6
      return scalar
    default: throw error("an unknown escape")
    }
  }

  /// The four hexadecimal digits at `index`.
  // bounded: the index is compared with the count before each byte; it stays below it by five at most
  func unit(at index: Int) throws(JSONError) -> UInt16 {
    var value: UInt16 = 0
    for i in index..<index + 4 {
      guard i < bytes.count, let digit = Character(Unicode.Scalar(bytes[i])).hexDigitValue else {
        throw error("expected four hexadecimal digits")
      }
      value = value << 4 | UInt16(digit)
    }
    return value
  }
}

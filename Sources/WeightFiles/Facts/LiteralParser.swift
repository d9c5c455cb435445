/// Reads JSON and Python literals: `{"a": [1, 2.5e3, true]}` and `{0: 'person', 'shape': (3,), 'x': None}`.
///
/// Headers of safetensors and npy files, and the metadata that exporters write, are such texts. It takes
/// the union of both languages, and neither calls nor names but `true`, `false`, `null`, `True`, `False`, `None`.
/// Refused: text behind the value, a key given twice, brackets deeper than the limit.
struct LiteralParser {
  private let bytes: Bytes
  private let what: String
  private var offset = 0
  private var valueCount = 0

  static func value(in bytes: Bytes, of what: String) throws(WeightFileError) -> Literal {
    var parser = LiteralParser(bytes: bytes, what: what)
    let value = try parser.value(depth: 0)
    guard parser.peek() == nil else { throw parser.damaged("more text after its value") }
    return value
  }

  private init(bytes: Bytes, what: String) {
    self.bytes = bytes
    self.what = what
  }

  private func damaged(_ found: String) -> WeightFileError {
    bytes.damaged("\(what) has \(found) at its byte \(offset)", expected: "a value written as text")
  }

  private func byte(_ place: Int) -> UInt8? { place < bytes.count ? bytes.pointer[place] : nil }

  /// The next byte that is no space, not consumed.
  private mutating func peek() -> UInt8? {
    while let next = byte(offset), next == 0x20 || (9...13).contains(next) { offset += 1 }
    return byte(offset)
  }

  private mutating func value(depth: Int) throws(WeightFileError) -> Literal {
    guard depth < bytes.limits.depth else {
      throw bytes.limit("brackets deeper in \(what)", "\(bytes.limits.depth) levels")
    }
    valueCount += 1
    guard valueCount <= bytes.limits.itemCount else {
      throw bytes.limit("more values in \(what)", "\(bytes.limits.itemCount)")
    }
    switch peek() {
    case UInt8(ascii: "{"): return .dictionary(try dictionary(depth: depth))
    case UInt8(ascii: "["): return .list(try list(until: UInt8(ascii: "]"), depth: depth))
    case UInt8(ascii: "("): return .list(try list(until: UInt8(ascii: ")"), depth: depth))
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return .text(try text())
    case nil: throw damaged("its end too early")
    default: return try word()
    }
  }

  private mutating func list(until end: UInt8, depth: Int) throws(WeightFileError) -> [Literal] {
    offset += 1
    var elements: [Literal] = []
    while let next = peek() {
      if next == end {
        offset += 1
        return elements
      }
      elements.append(try value(depth: depth + 1))
      try separator(before: end)
    }
    throw damaged("its end too early")
  }

  private mutating func dictionary(depth: Int) throws(WeightFileError) -> [Literal.Member] {
    offset += 1
    var members: [Literal.Member] = []
    var keys: Set<Literal> = []
    while let next = peek() {
      if next == UInt8(ascii: "}") {
        offset += 1
        return members
      }
      let key = try value(depth: depth + 1)
      guard keys.insert(key).inserted else {
        let name = key.text ?? key.integer.map(String.init) ?? "a key"
        throw damaged("\(quoted(name)) given twice")
      }
      guard peek() == UInt8(ascii: ":") else { throw damaged("a key without a value") }
      offset += 1
      members.append(Literal.Member(key: key, value: try value(depth: depth + 1)))
      try separator(before: UInt8(ascii: "}"))
    }
    throw damaged("its end too early")
  }

  private mutating func separator(before end: UInt8) throws(WeightFileError) {
    switch peek() {
    case UInt8(ascii: ","): offset += 1
    case end: return
    default: throw damaged("something else than a comma")
    }
  }

  private mutating func word() throws(WeightFileError) -> Literal {
    let start = offset
    while let next = byte(offset),
      next == UInt8(ascii: "+") || next == UInt8(ascii: "-") || next == UInt8(ascii: ".")
        || next == UInt8(ascii: "_") || (0x30...0x39).contains(next)
        || (0x41...0x5A).contains(next) || (0x61...0x7A).contains(next)
    { offset += 1 }
    let word = String(decoding: bytes.pointer[start..<offset], as: UTF8.self)
    switch word {
    case "true", "True": return .bool(true)
    case "false", "False": return .bool(false)
    case "null", "None": return .none
    default: break
    }
    let isNumber = word.utf8.first.map { $0 < 0x3A } ?? false
    if isNumber, let whole = Int(word) { return .integer(whole) }
    if isNumber, let number = Double(word), number.isFinite { return .number(number) }
    offset = start
    throw damaged("neither a number nor a word that is known")
  }

  private mutating func text() throws(WeightFileError) -> String {
    let quote = byte(offset)
    offset += 1
    var unescaped: [UInt8] = []
    while let next = byte(offset) {
      offset += 1
      if next == quote {
        guard let text = String(validating: unescaped, as: UTF8.self) else {
          throw damaged("text that is not UTF-8")
        }
        return text
      }
      if next == UInt8(ascii: "\\") {
        unescaped += String(try escape()).utf8
      } else {
        unescaped.append(next)
      }
    }
    throw damaged("text without an end")
  }

  private mutating func escape() throws(WeightFileError) -> Unicode.Scalar {
    guard let kind = byte(offset) else { throw damaged("text without an end") }
    offset += 1
    switch kind {
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "x"): return try scalar(try digits(2))
    case UInt8(ascii: "u"):
      let high = try digits(4)
      guard (0xD800..<0xDC00).contains(high) else { return try scalar(high) }
      guard byte(offset) == UInt8(ascii: "\\"), byte(offset + 1) == UInt8(ascii: "u") else {
        throw damaged("half a surrogate pair")
      }
      offset += 2
      let low = try digits(4)
      guard (0xDC00..<0xE000).contains(low) else { throw damaged("half a surrogate pair") }
      return try scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
    case UInt8(ascii: "U"): return try scalar(try digits(8))
    case UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "'"), UInt8(ascii: "\""):
      return Unicode.Scalar(kind)
    default: throw damaged("an unknown escape")
    }
  }

  private func scalar(_ value: UInt32) throws(WeightFileError) -> Unicode.Scalar {
    guard let scalar = Unicode.Scalar(value) else { throw damaged("a number that is no character") }
    return scalar
  }

  private mutating func digits(_ count: Int) throws(WeightFileError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<count {
      guard let next = byte(offset), let digit = Character(Unicode.Scalar(next)).hexDigitValue
      else { throw damaged("an escape that breaks off") }
      // At most eight digits.
      value = value << 4 | UInt32(digit)
      offset += 1
    }
    return value
  }
}

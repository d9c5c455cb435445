/// A value written as text: JSON, or Python's way of writing plain values.
indirect enum Literal: Hashable, Sendable {
  case none
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case text(String)
  case list([Literal])
  case dictionary([Member])

  struct Member: Hashable, Sendable {
    let key: Literal
    let value: Literal
  }

  var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  var text: String? { if case .text(let value) = self { value } else { nil } }
  var list: [Literal]? { if case .list(let value) = self { value } else { nil } }
  var members: [Member]? { if case .dictionary(let value) = self { value } else { nil } }
  var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

  var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// The member under a text. A dictionary in a header has few members; tensors are not looked up here.
  subscript(key: String) -> Literal? { members?.first { $0.key.text == key }?.value }

  /// What a text says as a value; the text itself where it says none.
  var unwrapped: Literal {
    guard let text else { return self }
    let bytes = Bytes(FileContents(Array(text.utf8), path: "", limits: WeightLimits()))
    return (try? LiteralParser.value(in: bytes, of: "")) ?? self
  }

  /// Whole numbers, all of them.
  var integers: [Int]? {
    guard let list else { return nil }
    let integers = list.compactMap(\.integer)
    return integers.count == list.count ? integers : nil
  }
}

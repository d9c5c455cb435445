/// A pattern for names as shells write them: `*` stands for any letters, `?` for one.
public struct NodePattern: Hashable, Sendable, CustomStringConvertible {
  private let letters: [UInt8]

  public init(_ text: String) { letters = Array(text.utf8) }

  public var description: String { String(decoding: letters, as: UTF8.self) }

  /// Whether the whole of `name` fits.
  ///
  /// After a letter that does not fit, the last `*` takes one more: names are walked once per star.
  public func matches(_ name: String) -> Bool {
    let name = Array(name.utf8)
    var (i, j) = (0, 0)
    var star: (pattern: Int, name: Int)?
    while j < name.count {
      if i < letters.count, letters[i] == UInt8(ascii: "*") {
        star = (i, j)
        i += 1
      } else if i < letters.count, letters[i] == name[j] || letters[i] == UInt8(ascii: "?") {
        i += 1
        j += 1
      } else if let last = star {
        star = (last.pattern, last.name + 1)
        (i, j) = (last.pattern + 1, last.name + 1)
      } else {
        return false
      }
    }
    return letters[i...].allSatisfy { $0 == UInt8(ascii: "*") }
  }

  /// What of the pattern is no star: what a name must at least resemble.
  var literal: String { description.filter { $0 != "*" && $0 != "?" } }
}

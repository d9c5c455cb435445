/// A value of the manifest together with its place, for sentences about it.
struct ManifestField {
  /// Put into words only where a sentence needs it.
  indirect enum Place: CustomStringConvertible {
    case manifest
    case member(Place, key: String)
    case element(Place, index: Int)
    case tensor(Place, name: String, role: TensorRole)

    var description: String {
      switch self {
      case .manifest: "the manifest"
      case .member(let place, let key): "\(place), \(key)"
      case .element(let place, let index): "\(place) \(index)"
      case .tensor(let place, let name, let role): "\(place) (\(name), \(role))"
      }
    }
  }

  let value: JSONValue
  var place: Place
  let file: String

  subscript(key: String) -> ManifestField {
    get throws(CheckpointError) {
      guard let members = value.object else { throw wrong("an object") }
      // bounded: a dictionary
      guard let member = members[key] else {
        throw .damaged(
          file: file, found: "\(place) has no key \"\(key)\"", expected: "that key")
      }
      return ManifestField(value: member, place: .member(place, key: key), file: file)
    }
  }

  func wrong(_ expected: String) -> CheckpointError {
    let text = value.lineText
    let shown = text.utf8.count <= 60 ? text : value.kind
    return .damaged(file: file, found: "\(place) is \(shown)", expected: expected)
  }

  func elements() throws(CheckpointError) -> [ManifestField] {
    guard let elements = value.array else { throw wrong("an array") }
    return elements.enumerated().map { index, element in
      ManifestField(value: element, place: .element(place, index: index), file: file)
    }
  }

  func members() throws(CheckpointError) -> [(String, ManifestField)] {
    guard let members = value.object else { throw wrong("an object") }
    return members.sorted { $0.key < $1.key }.map { key, member in
      (key, ManifestField(value: member, place: .member(place, key: key), file: file))
    }
  }

  func count() throws(CheckpointError) -> Int {
    guard let count = value.int, count >= 0 else { throw wrong("a whole number, 0 or more") }
    return count
  }

  func count(atMost limit: Int) throws(CheckpointError) -> Int {
    // bounded: limits are positive
    guard let count = value.int, (0...limit).contains(count) else {
      throw wrong("a whole number from 0 to \(limit)")
    }
    return count
  }

  func double() throws(CheckpointError) -> Double {
    guard let double = value.double else { throw wrong("a number") }
    return double
  }

  func string() throws(CheckpointError) -> String {
    guard let string = value.string else { throw wrong("a string") }
    return string
  }

  func strings() throws(CheckpointError) -> [String: String] {
    var result: [String: String] = [:]
    for (key, field) in try members() { result[key] = try field.string() }  // bounded: a dictionary
    return result
  }

  /// A name that can be printed: not empty, not long, no control characters.
  func label() throws(CheckpointError) -> String {
    let label = try string()
    guard isLabel(label) else {
      throw wrong("1 to 1024 bytes of text without control characters")
    }
    return label
  }

  func hash() throws(CheckpointError) -> UInt64 {
    guard let text = value.string, let hash = hexValue(text) else {
      throw wrong("16 hexadecimal digits")
    }
    return hash
  }
}

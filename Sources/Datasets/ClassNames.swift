/// The names of a data set's classes, checked: they go into every file a run writes.
enum ClassNames {
  static let maximumCount = 100_000

  /// - Parameter key: what lists them, for the sentence: `names`.
  static func check(_ names: [String], key: String, path: String) throws(DataError) {
    guard !names.isEmpty else {
      throw .badConfiguration(path: path, reason: "'\(key)' is empty: list the classes there")
    }
    guard names.count <= maximumCount else {
      throw .badConfiguration(
        path: path,
        reason: "'\(key)' lists \(names.count) classes, more than the limit of \(maximumCount)")
    }
    var first: [String: Int] = [:]
    for (index, name) in names.enumerated() {
      guard !name.allSatisfy(\.isWhitespace) else {
        throw .badConfiguration(
          path: path, reason: "'\(key)' has no name for class \(index); give it one")
      }
      if let other = first.updateValue(index, forKey: name) {
        throw .badConfiguration(
          path: path,
          reason: "'\(key)' has '\(name)' twice, for classes \(other) and \(index); a name stands "
            + "for one class")
      }
    }
  }
}

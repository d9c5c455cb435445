/// Why a recipe cannot be used. Each description is one sentence for its author.
public enum RecipeError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file cannot be read.
  case unreadable(file: String, reason: String)
  /// The text is not YAML. `place` is `file:line` where the reader knows it.
  case notYAML(place: String, problem: String)
  /// The document, or a section, is not a mapping of keys to values.
  case notMapping(place: String, key: String, found: String)
  /// No such key; `nearest` is a known one that is spelled alike, else `known` are those around it.
  case unknownKey(place: String, key: String, nearest: String?, known: [String])
  /// The key exists, its value cannot be used.
  case badValue(place: String, key: String, found: String, expected: String)
  /// Two values that are fine alone do not go together.
  case inconsistent(place: String, problem: String)
  /// An override that is not `key.path=value`.
  case badOverride(String)

  public var description: String {
    switch self {
    case .unreadable(let file, let reason):
      "\(file): the recipe cannot be read (\(reason)); give the path of a YAML file, e.g. recipes/demo.yaml"
    case .notYAML(let place, let problem):
      "\(place): not valid YAML (\(problem)); mind the indentation and the colons"
    case .notMapping(let place, let key, let found):
      key.isEmpty
        ? "\(place): a recipe is a list of `key: value` lines, but this is \(found)"
        : "\(place): `\(key)` is a section of keys, but this gives it \(found)"
    case .unknownKey(let place, let key, let nearest?, _):
      "\(place): unknown key `\(key)`; did you mean `\(nearest)`?"
    case .unknownKey(let place, let key, nil, let known):
      "\(place): unknown key `\(key)`; known here: \(known.joined(separator: ", "))"
    case .badValue(let place, let key, let found, let expected):
      "\(place): `\(key)` is \(found), but must be \(expected)"
    case .inconsistent(let place, let problem):
      "\(place): \(problem)"
    case .badOverride(let text):
      "--set: `\(text)` is not an assignment; write it as key.path=value, e.g. batch.size=16"
    }
  }
}

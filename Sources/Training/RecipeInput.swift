import Datasets
import Images

/// A value as the author wrote it, before its key says what it must be.
typealias RecipeInput = YAMLNode

extension YAMLNode {
  /// Reads one YAML document (JSON is YAML).
  ///
  /// - Throws: `notYAML`, with the line where the reader knows it.
  init(yaml: String, file: String) throws(RecipeError) {
    do throws(YAMLError) {
      try self.init(yaml: yaml)
    } catch {
      throw .notYAML(
        place: error.line.map { "\(file):\($0)" } ?? file, problem: error.problem)
    }
  }

  /// The text of a recipe's file.
  ///
  /// - Throws: `unreadable`, where it is not a regular file, too long or not UTF-8.
  static func recipeText(_ path: String) throws(RecipeError) -> String {
    let bytes: [UInt8]
    do throws(FileBytesError) {
      bytes = try regularFileBytes(path, limit: maximumByteCount)
    } catch {
      throw .unreadable(file: path, reason: error.reason)
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .unreadable(file: path, reason: "it is no UTF-8 text; save it as UTF-8")
    }
    return text
  }
}

import Yams

/// What a YOLO `data.yaml` says, in any of the ways people write it.
struct YOLOConfiguration {
  var path: String
  var classNames: [String]
  /// The folder that the splits are relative to.
  var base: String
  /// Folders of pictures or list files.
  var train: [String]
  var validation: [String]

  init(path: String) throws(DataError) {
    self.path = path
    let text = String(
      decoding: try FileSystem.bytes(path, purpose: "the data set's YAML file"), as: UTF8.self)
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch {
      throw .badConfiguration(path: path, reason: "this is not YAML (\(error))")
    }
    guard let root, let mapping = root.mapping else {
      throw .badConfiguration(path: path, reason: "expected a mapping with names, train, val")
    }
    classNames = try Self.names(mapping, path: path)
    let folder = FileSystem.parent(path)
    base = folder
    if let entry = mapping["path"]?.string, !entry.isEmpty {
      let joined = FileSystem.join(folder, entry)
      // Files that came with another tool name a folder that exists only there; then the YAML
      // file's own folder is the data set.
      if FileSystem.isFolder(joined) { base = joined }
    }
    train = Self.entries(mapping["train"])
    validation = Self.entries(mapping["val"] ?? mapping["valid"] ?? mapping["validation"])
  }

  private static func entries(_ node: Node?) -> [String] {
    guard let node else { return [] }
    if let sequence = node.sequence { return sequence.compactMap(\.string) }
    return node.string.map { $0.isEmpty ? [] : [$0] } ?? []
  }

  /// `names: [a, b]`, `names: {0: a, 1: b}`, or `nc: 2` alone.
  private static func names(_ mapping: Node.Mapping, path: String) throws(DataError) -> [String] {
    var names: [String]
    let declared = mapping["nc"]?.int
    if let sequence = mapping["names"]?.sequence {
      names = sequence.compactMap { $0.scalar?.string }
      guard names.count == sequence.count else {
        throw .badConfiguration(path: path, reason: "'names' holds something that is not a name")
      }
    } else if let map = mapping["names"]?.mapping {
      var byIndex: [Int: String] = [:]
      for (key, value) in map {
        guard let index = key.int, let name = value.scalar?.string, byIndex[index] == nil else {
          throw .badConfiguration(
            path: path, reason: "'names' must map each class number to one name")
        }
        byIndex[index] = name
      }
      names = []
      for index in 0..<byIndex.count {
        guard let name = byIndex[index] else {
          throw .badConfiguration(
            path: path, reason: "'names' has \(byIndex.count) entries but none for class \(index)")
        }
        names.append(name)
      }
    } else if let declared, (1...100_000).contains(declared) {
      names = (0..<declared).map { "class\($0)" }
    } else {
      throw .badConfiguration(path: path, reason: "'names' is missing: list the classes there")
    }
    guard !names.isEmpty else {
      throw .badConfiguration(path: path, reason: "'names' is empty: list the classes there")
    }
    if let declared, declared != names.count {
      throw .badConfiguration(
        path: path, reason: "'nc' is \(declared) but 'names' lists \(names.count) classes")
    }
    return names
  }
}

/// What a YOLO `data.yaml` says, in any of the ways people write it.
struct YOLOConfiguration {
  var path: String
  var classNames: [String]
  /// The folder that the splits are relative to.
  var base: String
  /// Folders of images or list files.
  var train: [String]
  var validation: [String]
  /// What `path` names, where no such folder is there and the YAML file's own was taken.
  var absentBase: String?

  init(path: String) throws(DataError) {
    self.path = path
    let bytes = try FileSystem.bytes(
      path, purpose: "the data set's YAML file", limit: YAMLNode.maximumByteCount)
    let root: YAMLNode
    do throws(YAMLError) {
      root = try YAMLNode(yaml: bytes)
    } catch {
      throw .badConfiguration(
        path: error.line.map { "\(path):\($0)" } ?? path,
        reason: "this is not YAML that is read here (\(error.problem))")
    }
    guard case .section = root.content else {
      throw .badConfiguration(path: path, reason: "expected a mapping with names, train, val")
    }
    if let shape = root["kpt_shape"], !shape.isEmpty {
      throw .badConfiguration(
        path: shape.line.map { "\(path):\($0)" } ?? path,
        reason: "'kpt_shape' says that the labels are poses (key points); only boxes and polygons "
          + "are read: remove the key points from the labels and 'kpt_shape' from here")
    }
    classNames = try Self.names(root, path: path)
    let folder = FileSystem.parent(path)
    base = folder
    if let entry = root["path"] {
      guard let text = entry.text, !text.utf8.contains(0) else {
        throw .badConfiguration(
          path: path, reason: "'path' is \(entry.shown), expected the data set's folder")
      }
      if !text.isEmpty {
        let joined = FileSystem.join(folder, text)
        // Files that came with another tool name a folder that exists only there; then the YAML
        // file's own folder is the data set.
        if FileSystem.isFolder(joined) { base = joined } else { absentBase = text }
      }
    }
    train = try Self.entries(root["train"], key: "train", path: path)
    let key = ["val", "valid", "validation"].first { root[$0] != nil } ?? "val"  // bounded: a key
    validation = try Self.entries(root[key], key: key, path: path)  // bounded: a key
  }

  private static func entries(
    _ node: YAMLNode?, key: String, path: String
  ) throws(DataError) -> [String] {
    guard let node else { return [] }
    guard let texts = node.texts, !texts.contains(where: { $0.utf8.contains(0) }) else {
      throw .badConfiguration(
        path: path, reason: "'\(key)' is \(node.shown), expected a folder or list file, or several")
    }
    return texts.filter { !$0.isEmpty }
  }

  /// `names: [a, b]`, `names: {0: a, 1: b}`, or `nc: 2` alone.
  private static func names(_ root: YAMLNode, path: String) throws(DataError) -> [String] {
    var declared: Int?
    if let node = root["nc"], !node.isEmpty {
      // bounded: 1 to a constant
      guard let count = node.integer, (1...ClassNames.maximumCount).contains(count) else {
        throw .badConfiguration(
          path: path,
          reason: "'nc' is \(node.shown), expected the number of classes, 1 … "
            + "\(ClassNames.maximumCount), as 'names' lists them")
      }
      declared = count
    }
    guard let node = root["names"] else {
      guard let declared else {
        throw .badConfiguration(path: path, reason: "'names' is missing: list the classes there")
      }
      return (0..<declared).map { "class\($0)" }  // bounded: 1 … 100,000, checked
    }
    let names: [String]
    switch node.content {
    case .list(let items):
      names = items.compactMap(\.text)
      guard names.count == items.count else {
        throw .badConfiguration(path: path, reason: "'names' holds something that is not a name")
      }
    case .section(let pairs): names = try Self.names(pairs, path: path)
    case .scalar:
      guard node.isEmpty else {
        throw .badConfiguration(
          path: path,
          reason: "'names' is \(node.shown), expected a list: `names: [person]` for one class")
      }
      names = []
    }
    try ClassNames.check(names, key: "names", path: path)
    if let declared, declared != names.count {
      throw .badConfiguration(
        path: path, reason: "'nc' is \(declared) but 'names' lists \(names.count) classes")
    }
    return names
  }

  // bounded: a dictionary, and its count
  private static func names(
    _ pairs: [(key: String, value: YAMLNode)], path: String
  ) throws(DataError) -> [String] {
    var byIndex: [Int: String] = [:]
    for (key, value) in pairs {
      guard let index = Int(key), index >= 0, let name = value.text, byIndex[index] == nil else {
        throw .badConfiguration(
          path: path, reason: "'names' must map each class number to one name, not '\(key)'")
      }
      byIndex[index] = name
    }
    var names: [String] = []
    for index in 0..<byIndex.count {
      guard let name = byIndex[index] else {
        throw .badConfiguration(
          path: path, reason: "'names' has \(byIndex.count) entries but none for class \(index)")
      }
      names.append(name)
    }
    return names
  }
}

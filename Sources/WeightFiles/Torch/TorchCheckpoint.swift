/// What a walked pickle of PyTorch means: the network's tensors by name, and what stands beside them.
struct TorchCheckpoint {
  struct NamedTensor {
    let name: String
    let tensor: PickleTensor
  }

  private(set) var tensors: [NamedTensor] = []
  private(set) var facts = WeightFacts()
  /// The tensor with the strides of the head's levels.
  private(set) var strides: PickleTensor?

  private let pickle: Pickle
  private let bytes: Bytes
  /// Attributes and members looked at.
  private var workCount = 0

  init(_ pickle: Pickle, _ bytes: Bytes) throws(WeightFileError) {
    self.pickle = pickle
    self.bytes = bytes
    let top = pickle.flatMembers(pickle.root)
    readTop(top)
    var found: (id: PickleID, key: String)?
    if isModule(pickle.root) {
      found = (pickle.root, "")
    } else {
      for key in ["ema", "model", "state_dict", "model_state_dict", "net", "weights", "params"]
      where found == nil {
        if let id = pickle.member(key, in: top), isModule(id) || holdsTensors(id) {
          found = (id, key)
        }
      }
      if found == nil, holdsTensors(pickle.root) { found = (pickle.root, "") }
    }
    guard let found else {
      let whole = pickle.className(pickle.root).map { "an object \(quoted($0))" }
      throw bytes.unsupported(
        "its pickle is \(whole ?? "something else than a network or tensors by name")",
        "give a file that holds a network's weights")
    }
    facts.usesAverage = found.key == "ema"
    if isModule(found.id) {
      try walk(found.id, prefix: "", depth: 0)
      readNetwork(found.id)
    } else {
      facts.isStateDictionary = true
      try addDictionary(found.id)
    }
    guard !tensors.isEmpty else {
      throw bytes.unsupported("its network holds no tensor", "give a file with weights")
    }
  }

  // MARK: Tensors

  private func isModule(_ id: PickleID) -> Bool {
    let attributes = pickle.attributes(id)
    return pickle.member("_modules", in: attributes) != nil
      || pickle.member("_parameters", in: attributes) != nil
  }

  private func holdsTensors(_ id: PickleID) -> Bool {
    guard let flat = pickle.flatMembers(id) else { return false }
    return stride(from: 0, to: flat.count - 1, by: 2).contains { index in
      pickle.text(flat[index]) != nil && pickle.tensor(flat[index + 1]) != nil
    }
  }

  private mutating func charge(_ count: Int) throws(WeightFileError) {
    workCount += count
    guard workCount <= 4 * bytes.limits.itemCount else {
      throw bytes.limit("a network of more parts", "\(4 * bytes.limits.itemCount)")
    }
  }

  private mutating func add(_ name: String, _ tensor: PickleTensor) throws(WeightFileError) {
    guard tensors.count < bytes.limits.itemCount >> 3, name.utf8.count < 1024 else {
      throw bytes.limit(
        "more tensors, or a longer name,", "\(bytes.limits.itemCount >> 3) tensors, 1023 bytes")
    }
    tensors.append(NamedTensor(name: name, tensor: tensor))
  }

  private mutating func addDictionary(_ id: PickleID) throws(WeightFileError) {
    let flat = pickle.flatMembers(id) ?? []
    try charge(flat.count)
    for index in stride(from: 0, to: flat.count - 1, by: 2) {
      if let name = pickle.text(flat[index]), let tensor = pickle.tensor(flat[index + 1]) {
        try add(name, tensor)
      }
    }
  }

  /// The tensors of a module and of those within, named as `state_dict()` does.
  private mutating func walk(
    _ id: PickleID, prefix: String, depth: Int
  ) throws(WeightFileError) {
    guard depth < bytes.limits.depth, prefix.utf8.count < 1024 else {
      throw bytes.limit(
        "modules deeper in modules, or longer names,", "\(bytes.limits.depth) levels, 1023 bytes")
    }
    let attributes = pickle.attributes(id)
    try charge(attributes.count + 1)
    var passing: Set<String> = []
    let unsaved = pickle.elements(
      pickle.member("_non_persistent_buffers_set", in: attributes))
    try charge(unsaved?.count ?? 0)
    for element in unsaved ?? [] {
      if let name = pickle.text(element) { passing.insert(name) }
    }
    for kind in ["_parameters", "_buffers"] {
      let flat = pickle.flatMembers(pickle.member(kind, in: attributes)) ?? []
      try charge(flat.count)
      for index in stride(from: 0, to: flat.count - 1, by: 2) {
        guard let name = pickle.text(flat[index]), let tensor = pickle.tensor(flat[index + 1]),
          kind == "_parameters" || !passing.contains(name)
        else { continue }
        try add(prefix + name, tensor)
      }
    }
    let modules = pickle.flatMembers(pickle.member("_modules", in: attributes)) ?? []
    try charge(modules.count)
    for index in stride(from: 0, to: modules.count - 1, by: 2) {
      guard let name = pickle.text(modules[index]), !pickle.isNone(modules[index + 1]) else {
        continue
      }
      try walk(modules[index + 1], prefix: prefix + name + ".", depth: depth + 1)
    }
  }

  // MARK: Facts

  private mutating func readTop(_ top: [PickleID]?) {
    facts.epoch = pickle.integer(pickle.member("epoch", in: top))
    facts.version = pickle.text(pickle.member("version", in: top))
    facts.date = pickle.text(pickle.member("date", in: top))
    let arguments = pickle.flatMembers(pickle.member("train_args", in: top))
    readSize(pickle.member("imgsz", in: arguments))
  }

  private mutating func readSize(_ id: PickleID?) {
    if let size = pickle.integer(id) {
      facts.imageSize = [size, size]
    } else if let sizes = pickle.elements(id)?.compactMap({ pickle.integer($0) }), sizes.count == 2
    {
      facts.imageSize = sizes
    }
  }

  private mutating func readNetwork(_ id: PickleID) {
    let attributes = pickle.attributes(id)
    facts.networkClass = pickle.className(id)
    facts.task = pickle.text(pickle.member("task", in: attributes))
    readNames(pickle.member("names", in: attributes))
    if facts.imageSize == nil {
      let arguments = pickle.flatMembers(pickle.member("args", in: attributes))
      readSize(pickle.member("imgsz", in: arguments))
      if facts.task == nil { facts.task = pickle.text(pickle.member("task", in: arguments)) }
    }
    strides = pickle.tensor(pickle.member("stride", in: attributes))
    let yaml = pickle.flatMembers(pickle.member("yaml", in: attributes))
    facts.scale = pickle.text(pickle.member("scale", in: yaml))
    facts.configuration =
      pickle.text(pickle.member("yaml_file", in: yaml))
      ?? pickle.text(pickle.member("yaml_file", in: attributes))
    readLayers(attributes, yaml)
  }

  private mutating func readNames(_ id: PickleID?) {
    if let flat = pickle.flatMembers(id) {
      var names: [(Int, String)] = []
      for index in stride(from: 0, to: flat.count - 1, by: 2) {
        guard let key = pickle.integer(flat[index]), let name = pickle.text(flat[index + 1]) else {
          return
        }
        names.append((key, name))
      }
      facts.setClasses(names)
    } else if let elements = pickle.elements(id) {
      let names = elements.compactMap { pickle.text($0) }
      if names.count == elements.count {
        facts.setClasses(Array(names.enumerated()).map { ($0, $1) })
      }
    }
  }

  /// The classes of the layers in `model`, and the last one's, the head's, marks.
  private mutating func readLayers(_ attributes: [PickleID], _ yaml: [PickleID]?) {
    let modules = pickle.flatMembers(pickle.member("_modules", in: attributes))
    let sequence = pickle.attributes(pickle.member("model", in: modules))
    let flat = pickle.flatMembers(pickle.member("_modules", in: sequence)) ?? []
    var layers: [String] = []
    for index in stride(from: 0, to: min(flat.count, 1024) - 1, by: 2) {
      layers.append(pickle.className(flat[index + 1]) ?? "")
    }
    guard let last = flat.last else { return }
    let head = pickle.attributes(last)
    facts.layers = layers
    facts.isEndToEnd =
      pickle.bool(pickle.member("end2end", in: head))
      ?? pickle.bool(pickle.member("end2end", in: yaml)) ?? false
    if strides == nil { strides = pickle.tensor(pickle.member("stride", in: head)) }
    if facts.classCount == nil {
      facts.classCount = pickle.integer(pickle.member("nc", in: head))
    }
  }
}

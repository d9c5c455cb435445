import Datasets

extension Recipe {
  /// The recipe in the YAML file at `path`, with `overrides` (`key.path=value`) put over it.
  ///
  /// - Throws: the first thing wrong, with file and line.
  public init(contentsOf path: String, overrides: [String] = []) throws(RecipeError) {
    let text = try RecipeInput.recipeText(path)
    try self.init(yaml: text, file: path, overrides: overrides)
  }

  /// The recipe in a YAML or JSON text; `file` names it in sentences. What it leaves out has its
  /// default.
  public init(yaml: String, file: String, overrides: [String] = []) throws(RecipeError) {
    self.init()
    let input = try RecipeInput(yaml: yaml, file: file)
    if !input.isEmpty {
      guard case .section(let pairs) = input.content else {
        throw .notMapping(place: file, key: "", found: input.shown)
      }
      try put(pairs, under: "", place: { line in line.map { "\(file):\($0)" } ?? file })
    }
    for override in overrides { try put(override) }
    try validate(place: overrides.isEmpty ? file : "\(file) with --set")
  }

  /// The recipe in a checkpoint.
  public init(json: String) throws(RecipeError) {
    try self.init(yaml: json, file: "the checkpoint's recipe")
  }

  /// Puts one `key.path=value` over this recipe. The value is read as YAML.
  ///
  /// - Throws: `badOverride`, `unknownKey`, `badValue`, or `inconsistent` for the recipe as it then
  ///   is; several overrides that only fit together go through `init(contentsOf:overrides:)`.
  public mutating func set(_ override: String) throws(RecipeError) {
    var changed = self
    try changed.put(override)
    try changed.validate(place: "--set \(override)")
    self = changed
  }

  /// Checks what no single key can: that values go together.
  ///
  /// - Throws: `inconsistent`, beginning with `place`.
  public func validate(place: String = "recipe") throws(RecipeError) {
    if batch.size % batch.shards != 0 {
      throw .inconsistent(
        place: place,
        problem: "`batch.size` \(batch.size) is not divisible by `batch.shards` \(batch.shards); "
          + "every shard must hold the same number of pictures")
    }
    if schedule.epochs == 0 {
      throw .inconsistent(
        place: place,
        problem: "`schedule.floatEpochs` and `schedule.qatEpochs` are both 0; "
          + "one of them must be at least 1")
    }
    if checkpoint.everySteps == 0 && checkpoint.everyEpochs == 0 {
      throw .inconsistent(
        place: place,
        problem: "`checkpoint.everySteps` and `checkpoint.everyEpochs` are both 0; "
          + "a run that is never saved cannot be resumed, so set one of them")
    }
    if data.format == .coco {
      for (key, value) in [("train", data.train), ("validation", data.validation)]
      where value.isEmpty {
        throw .inconsistent(
          place: place,
          problem: "`data.\(key)` is empty; with `data.format: coco` it must name a JSON file "
            + "relative to `data.root`")
      }
    }
  }

  private mutating func put(_ override: String) throws(RecipeError) {
    guard let equals = override.firstIndex(of: "="), equals != override.startIndex else {
      throw .badOverride(override)
    }
    let key = String(override[..<equals])  // bounded: an index of the text
    let text = String(override[override.index(after: equals)...])  // bounded: an index of the text
    let input = try RecipeInput(yaml: text, file: "--set \(override)")
    try put(input, at: key, place: { _ in "--set \(override)" })
  }

  private mutating func put(
    _ pairs: [(key: String, value: RecipeInput)], under prefix: String, place: (Int?) -> String
  ) throws(RecipeError) {
    for (name, value) in pairs {
      let key = prefix + name  // bounded: texts
      if Self.isSection(key) {
        if value.isEmpty { continue }  // A section whose lines are all commented out.
        guard case .section(let inner) = value.content else {
          throw .notMapping(place: place(value.line), key: key, found: value.shown)
        }
        try put(inner, under: key + ".", place: place)
      } else {
        try put(value, at: key, place: place)
      }
    }
  }

  private mutating func put(
    _ input: RecipeInput, at key: String, place: (Int?) -> String
  ) throws(RecipeError) {
    guard let field = Self.fields.first(where: { $0.key == key }) else {
      if Self.isSection(key) {
        throw .notMapping(place: place(input.line), key: key, found: input.shown)
      }
      throw .unknownKey(
        place: place(input.line), key: key, nearest: nearestKey(to: key),
        known: knownKeys(near: key))
    }
    guard field.write(&self, input) else {
      throw .badValue(
        place: place(input.line), key: key, found: input.shown, expected: field.expected)
    }
  }

  private static func isSection(_ key: String) -> Bool {
    fields.contains { $0.key.hasPrefix(key + ".") }
  }
}

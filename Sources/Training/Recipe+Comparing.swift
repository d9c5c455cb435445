/// One key that two recipes have different values for.
public struct RecipeDifference: Hashable, Sendable, CustomStringConvertible {
  /// Dotted.
  public let key: String
  public let ours: RecipeValue
  public let theirs: RecipeValue

  public var description: String { "`\(key)` is \(ours) here and \(theirs) there" }
}

extension Recipe {
  /// One JSON object of nested sections, keys sorted, no spaces: equal recipes give equal bytes.
  public var json: String {
    let values = Self.fields.map { (path: $0.key.split(separator: "."), value: $0.read(self)) }
    return Self.object(values[...].map { ($0.path[...], $0.value) })
  }

  /// The keys whose values differ, in the order of `fields`.
  public func differences(to other: Recipe) -> [RecipeDifference] {
    Self.fields.compactMap { field in
      let (ours, theirs) = (field.read(self), field.read(other))
      return ours == theirs ? nil : RecipeDifference(key: field.key, ours: ours, theirs: theirs)
    }
  }

  /// The differences that forbid going on with a run of recipe `saved` under this one.
  ///
  /// Free to change: `name`, `data.root`, `checkpoint.*`, `evaluation.*`, `export.*`, `limits.*` and
  /// `system.*` but for `system.threads`. They say where things lie, how often one looks, and how fast
  /// it goes. `data.skipBad` is free because what it leaves out is compared itself, with the data. All
  /// others decide the weights.
  public func resumeConflicts(with saved: Recipe) -> [RecipeDifference] {
    let fixed = Set(Self.fields.filter { $0.onResume == .fixed }.map(\.key))
    return differences(to: saved).filter { fixed.contains($0.key) }
  }

  /// The value at a dotted key, or `nil` where there is no such key.
  public subscript(key key: String) -> RecipeValue? {
    Self.fields.first { $0.key == key }?.read(self)
  }

  private static func object(_ values: [(path: ArraySlice<Substring>, value: RecipeValue)])
    -> String
  {
    let names = Set(values.map { $0.path.first! }).sorted()
    let members = names.map { name in
      let inside = values.filter { $0.path.first! == name }
      let text =
        inside[0].path.count == 1
        ? inside[0].value.description
        : object(inside.map { ($0.path.dropFirst(), $0.value) })
      return "\"\(name)\":\(text)"
    }
    return "{" + members.joined(separator: ",") + "}"
  }
}

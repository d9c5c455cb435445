/// The values of a pickle once it was walked.
struct Pickle {
  let root: PickleID
  fileprivate(set) var values: [PickleValue]

  init(root: PickleID, values: [PickleValue]) {
    self.root = root
    self.values = values
  }

  subscript(id: PickleID) -> PickleValue { values[id] }

  func text(_ id: PickleID?) -> String? {
    if let id, case .text(let text) = values[id] { text } else { nil }
  }

  func integer(_ id: PickleID?) -> Int? {
    if let id, case .integer(let value) = values[id] { value } else { nil }
  }

  func number(_ id: PickleID?) -> Double? {
    guard let id else { return nil }
    switch values[id] {
    case .integer(let value): return Double(value)
    case .float(let value): return value
    default: return nil
    }
  }

  func bool(_ id: PickleID?) -> Bool? {
    if let id, case .bool(let value) = values[id] { value } else { nil }
  }

  func isNone(_ id: PickleID) -> Bool { if case .none = values[id] { true } else { false } }

  func tensor(_ id: PickleID?) -> PickleTensor? {
    if let id, case .tensor(let tensor) = values[id] { tensor } else { nil }
  }

  func object(_ id: PickleID?) -> PickleObject? {
    if let id, case .object(let object) = values[id] { object } else { nil }
  }

  /// The elements of a tuple, a list or a set.
  func elements(_ id: PickleID?) -> [PickleID]? {
    guard let id else { return nil }
    switch values[id] {
    case .tuple(let elements), .list(let elements), .set(let elements): return elements
    default: return nil
    }
  }

  /// Keys and values of a dictionary, in turn; of an object its own, or its state's if it has none.
  func flatMembers(_ id: PickleID?) -> [PickleID]? {
    guard let id else { return nil }
    switch values[id] {
    case .dictionary(let members): return members
    case .object(let object) where !object.members.isEmpty: return object.members
    default: return nil
    }
  }

  /// The attributes of an object, keys and values in turn.
  func attributes(_ id: PickleID?) -> [PickleID] {
    guard let state = object(id)?.state else { return [] }
    // With slots the state is a pair: the dictionary, and the slots.
    if case .tuple(let parts) = values[state], let first = parts.first {
      return flatMembers(first) ?? []
    }
    return flatMembers(state) ?? []
  }

  /// The value of the first text key `name` in keys and values in turn.
  func member(_ name: String, in flat: [PickleID]?) -> PickleID? {
    guard let flat else { return nil }
    var index = 0
    while index + 1 < flat.count {
      if text(flat[index]) == name { return flat[index + 1] }
      index += 2
    }
    return nil
  }

  /// `module.name` of an object's class.
  func className(_ id: PickleID?) -> String? {
    guard let object = object(id) else { return nil }
    return globalName(object.constructor)
  }

  func globalName(_ id: PickleID?) -> String? {
    if let id, case .global(let module, let name) = values[id] { module + "." + name } else { nil }
  }
}

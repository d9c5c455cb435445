extension PickleInterpreter {
  /// What stands for the result of a call: a value where it is one of the few that weights need, else an
  /// object that keeps the names.
  mutating func called(
    _ callee: PickleID, _ arguments: PickleID, isFunction: Bool
  ) throws(WeightFileError) -> PickleID {
    guard case .tuple(let given) = values[arguments] else {
      throw damaged("a call whose arguments are no tuple")
    }
    guard case .global(let module, let name) = values[callee] else {
      return try add(.object(PickleObject(constructor: callee, arguments: arguments)))
    }
    if Self.runsPrograms(module: module, name: name) {
      throw bytes.unsupported(
        "its pickle calls \(quoted(module + "." + name)), which runs a program and is nothing that weights need (it was not run)",
        "do not load this file in PyTorch either; get the weights from a source you trust")
    }
    switch (module, name) {
    case ("collections", "OrderedDict"), ("builtins", "dict"), ("__builtin__", "dict"):
      return try add(.dictionary(try members(of: given.first)))
    case ("builtins", "set"), ("__builtin__", "set"), ("builtins", "frozenset"),
      ("__builtin__", "frozenset"):
      return try add(.set(try copy(of: given.first)))
    case ("builtins", "list"), ("__builtin__", "list"):
      return try add(.list(try copy(of: given.first)))
    case ("torch", "Size"), ("builtins", "tuple"), ("__builtin__", "tuple"):
      return try add(.tuple(try copy(of: given.first)))
    case ("torch._utils", "_rebuild_tensor"), ("torch._utils", "_rebuild_tensor_v2"),
      ("torch._utils", "_rebuild_tensor_v3"):
      return try add(.tensor(try tensor(given, isUntyped: name.hasSuffix("v3"))))
    case ("torch._utils", "_rebuild_parameter"),
      ("torch._utils", "_rebuild_parameter_with_state"):
      guard let first = given.first, case .tensor = values[first] else {
        throw damaged("a parameter without a tensor")
      }
      return first
    case ("torch._tensor", "_rebuild_from_type_v2"):
      guard given.count >= 3 else { throw damaged("a tensor of a class without its parts") }
      // One level: a tensor rebuilt from a tensor rebuilt from … is written by nobody.
      if case .global("torch._tensor", "_rebuild_from_type_v2") = values[given[0]] {
        throw damaged("a tensor of a class within a tensor of a class")
      }
      return try called(given[0], given[2], isFunction: true)
    case ("copyreg", "_reconstructor"), ("copy_reg", "_reconstructor"):
      guard let type = given.first else { throw damaged("an object without a class") }
      return try add(.object(PickleObject(constructor: type, arguments: arguments)))
    default:
      return try add(.object(PickleObject(constructor: callee, arguments: arguments)))
    }
  }

  private mutating func copy(of id: PickleID?) throws(WeightFileError) -> [PickleID] {
    let elements = elements(of: id)
    try charge(elements.count)
    return elements
  }

  private func elements(of id: PickleID?) -> [PickleID] {
    guard let id else { return [] }
    switch values[id] {
    case .tuple(let elements), .list(let elements), .set(let elements): return elements
    default: return []
    }
  }

  /// Keys and values in turn out of a dictionary or of a list of pairs.
  private mutating func members(of id: PickleID?) throws(WeightFileError) -> [PickleID] {
    guard let id else { return [] }
    if case .dictionary(let members) = values[id] {
      try charge(members.count)
      return members
    }
    var members: [PickleID] = []
    for pair in try copy(of: id) {
      let parts = elements(of: pair)
      guard parts.count == 2 else { throw damaged("a dictionary of what are no pairs") }
      members += parts
    }
    return members
  }

  private func integers(_ id: PickleID) throws(WeightFileError) -> [Int] {
    var result: [Int] = []
    for element in elements(of: id) {
      guard case .integer(let value) = values[element], value >= 0 else {
        throw damaged("a shape or strides that are no whole numbers ≥ 0")
      }
      result.append(value)
    }
    return result
  }

  /// (storage, offset, shape, strides, requires gradient, hooks[, type, metadata])
  private mutating func tensor(
    _ given: [PickleID], isUntyped: Bool
  ) throws(WeightFileError) -> PickleTensor {
    guard given.count >= (isUntyped ? 7 : 4), case .integer(let offset) = values[given[1]],
      offset >= 0
    else { throw damaged("a tensor without its parts") }
    let (shape, strides) = (try integers(given[2]), try integers(given[3]))
    guard shape.count == strides.count, shape.count <= bytes.limits.depth else {
      throw damaged("a tensor with \(shape.count) extents and \(strides.count) strides")
    }
    try charge(shape.count + strides.count)
    return PickleTensor(
      storage: given[0], offset: offset, shape: shape, strides: strides,
      type: isUntyped ? given[6] : nil)
  }

  /// Modules and functions through which a pickle runs something when Python loads it.
  private static func runsPrograms(module: String, name: String) -> Bool {
    let root = module.split(separator: ".").first.map(String.init) ?? module
    switch root {
    case "os", "posix", "nt", "subprocess", "sys", "runpy", "shutil", "socket", "marshal",
      "importlib", "imp", "webbrowser", "pty", "code", "codeop", "ctypes", "multiprocessing",
      "asyncio", "commands", "popen2", "pdb", "timeit", "cProfile", "profile", "platform",
      "urllib", "http", "ftplib", "requests", "pip", "bdb", "pydoc", "doctest", "cffi", "dill",
      "cloudpickle":
      return true
    case "builtins", "__builtin__":
      return [
        "eval", "exec", "execfile", "compile", "open", "file", "__import__", "input",
        "breakpoint", "apply", "globals", "vars", "delattr", "setattr",
      ].contains(name)
    case "types": return name == "CodeType" || name == "FunctionType"
    case "torch":
      return module == "torch.jit" || module.hasPrefix("torch.hub")
        || module == "torch.utils.cpp_extension" || (module == "torch" && name == "load")
    default: return false
    }
  }
}

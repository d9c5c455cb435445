/// Walks a pickle and builds its values. It calls nothing: classes and functions stay names.
///
/// Bounds: values and stack up to the item limit, every length against the bytes left. A call of
/// what could run a program (`os.system`, `eval`, …) is refused by name, for no weights need it.
///
/// *Source:* `pickletools` of CPython, protocols 0 to 5.
struct PickleInterpreter {
  let bytes: Bytes
  var values: [PickleValue] = []
  private var stack: [PickleID] = []
  /// Heights of the stack where marks stand.
  private var marks: [Int] = []
  private var memo: [Int: PickleID] = [:]
  private var position = 0
  /// Elements that calls like `list(x)` have copied.
  private var copiedCount = 0

  static func pickle(_ bytes: Bytes) throws(WeightFileError) -> Pickle {
    var interpreter = PickleInterpreter(bytes)
    let root = try interpreter.run()
    return Pickle(root: root, values: interpreter.values)
  }

  private init(_ bytes: Bytes) { self.bytes = bytes }

  func damaged(_ found: String) -> WeightFileError {
    bytes.damaged("its pickle has \(found) at byte \(position)", expected: "a whole pickle")
  }

  // MARK: Reading

  private mutating func number<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type
  ) throws(WeightFileError) -> T {
    let value = try bytes.integer(at: position, as: type, of: "an operand of its pickle")
    position += MemoryLayout<T>.size
    return value
  }

  private mutating func length<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type
  ) throws(WeightFileError) -> Int {
    guard let length = Int(exactly: try number(type)), length >= 0 else {
      throw damaged("a length out of range")
    }
    return length
  }

  private mutating func take(_ count: Int) throws(WeightFileError) -> Bytes {
    let part = try bytes.part(position, count: count, of: "an operand of its pickle")
    position += count
    return part
  }

  private mutating func text(_ count: Int) throws(WeightFileError) -> String {
    // Python lets lone surrogates through, which is no UTF-8; such text is mended, not refused.
    String(decoding: try take(count).pointer, as: UTF8.self)
  }

  /// The text up to the next line feed.
  private mutating func line() throws(WeightFileError) -> String {
    let rest = bytes.pointer[position...]
    guard let end = rest.firstIndex(of: 10) else { throw damaged("a line without an end") }
    let text = String(decoding: rest[..<end], as: UTF8.self)
    position = end + 1
    return text
  }

  /// Keeps copies of copies of a large list within bounds.
  mutating func charge(_ count: Int) throws(WeightFileError) {
    copiedCount += count
    guard copiedCount <= bytes.limits.itemCount else {
      throw bytes.limit("a pickle that copies more elements", "\(bytes.limits.itemCount)")
    }
  }

  // MARK: The stack

  mutating func add(_ value: PickleValue) throws(WeightFileError) -> PickleID {
    guard values.count < bytes.limits.itemCount else {
      throw bytes.limit("a pickle of more values", "\(bytes.limits.itemCount)")
    }
    values.append(value)
    return values.count - 1
  }

  private mutating func push(_ value: PickleValue) throws(WeightFileError) {
    try push(try add(value))
  }

  private mutating func push(_ id: PickleID) throws(WeightFileError) {
    guard stack.count < bytes.limits.itemCount else {
      throw bytes.limit("a pickle with a higher stack", "\(bytes.limits.itemCount)")
    }
    stack.append(id)
  }

  private mutating func pop() throws(WeightFileError) -> PickleID {
    guard stack.count > marks.last ?? 0, let top = stack.popLast() else {
      throw damaged("an empty stack")
    }
    return top
  }

  private func top() throws(WeightFileError) -> PickleID {
    guard stack.count > marks.last ?? 0, let top = stack.last else {
      throw damaged("an empty stack")
    }
    return top
  }

  private mutating func popMark() throws(WeightFileError) -> [PickleID] {
    guard let mark = marks.popLast() else { throw damaged("no mark") }
    let taken = Array(stack[mark...])
    stack.removeLast(stack.count - mark)
    return taken
  }

  private mutating func popTuple(_ count: Int) throws(WeightFileError) {
    var elements: [PickleID] = []
    for _ in 0..<count { elements.append(try pop()) }
    try push(.tuple(elements.reversed()))
  }

  private mutating func remember(_ key: Int) throws(WeightFileError) {
    guard memo.count < bytes.limits.itemCount else {
      throw bytes.limit("a pickle that remembers more", "\(bytes.limits.itemCount)")
    }
    memo[key] = try top()
  }

  private mutating func recall(_ key: Int) throws(WeightFileError) {
    guard let id = memo[key] else { throw damaged("something that was never remembered") }
    try push(id)
  }

  private func key(_ text: String) throws(WeightFileError) -> Int {
    guard let key = Int(text), key >= 0 else { throw damaged("a key that is no number") }
    return key
  }

  // MARK: The instructions

  private mutating func run() throws(WeightFileError) -> PickleID {
    while true {
      let operation = try number(UInt8.self)
      switch operation {
      case UInt8(ascii: "."): return try pop()
      case 0x80:  // PROTO
        let version = try number(UInt8.self)
        guard version <= 5 else {
          throw bytes.unsupported(
            "its pickle has protocol \(version)", "save it with protocol 2 to 5")
        }
      case 0x95: _ = try take(8)  // FRAME
      case UInt8(ascii: "("): try mark()
      case UInt8(ascii: "0"):
        if stack.count == marks.last { marks.removeLast() } else { _ = try pop() }
      case UInt8(ascii: "1"): _ = try popMark()
      case UInt8(ascii: "2"): try push(try top())
      case UInt8(ascii: "p"): try remember(try key(try line()))
      case UInt8(ascii: "q"): try remember(Int(try number(UInt8.self)))
      case UInt8(ascii: "r"): try remember(Int(try number(UInt32.self)))
      case 0x94: try remember(memo.count)
      case UInt8(ascii: "g"): try recall(try key(try line()))
      case UInt8(ascii: "h"): try recall(Int(try number(UInt8.self)))
      case UInt8(ascii: "j"): try recall(Int(try number(UInt32.self)))
      default:
        if try !pushPlain(operation), try !fill(operation), try !call(operation) {
          position -= 1
          throw damaged("the unknown instruction \(operation)")
        }
      }
    }
  }

  private mutating func mark() throws(WeightFileError) {
    guard marks.count < bytes.limits.itemCount else {
      throw bytes.limit("a pickle with more marks", "\(bytes.limits.itemCount)")
    }
    marks.append(stack.count)
  }

  /// Numbers, texts, and empty collections.
  private mutating func pushPlain(_ operation: UInt8) throws(WeightFileError) -> Bool {
    switch operation {
    case UInt8(ascii: "N"): try push(.none)
    case 0x88: try push(.bool(true))
    case 0x89: try push(.bool(false))
    case UInt8(ascii: "J"): try push(.integer(Int(try number(Int32.self))))
    case UInt8(ascii: "K"): try push(.integer(Int(try number(UInt8.self))))
    case UInt8(ascii: "M"): try push(.integer(Int(try number(UInt16.self))))
    case UInt8(ascii: "G"):
      try push(.float(Double(bitPattern: try number(UInt64.self).byteSwapped)))
    case 0x8A: try pushInteger(try take(Int(try number(UInt8.self))))
    case 0x8B: try pushInteger(try take(try length(Int32.self)))
    case UInt8(ascii: "I"):
      let text = try line()
      if text == "00" || text == "01" {
        try push(.bool(text == "01"))
      } else {
        try pushInteger(text)
      }
    case UInt8(ascii: "L"):
      let text = try line()
      try pushInteger(text.hasSuffix("L") ? String(text.dropLast()) : text)
    case UInt8(ascii: "F"):
      guard let value = Double(try line()) else { throw damaged("no number") }
      try push(.float(value))
    case UInt8(ascii: "X"): try push(.text(try text(try length(UInt32.self))))
    case 0x8C: try push(.text(try text(Int(try number(UInt8.self)))))
    case 0x8D: try push(.text(try text(try length(UInt64.self))))
    case UInt8(ascii: "V"): try push(.text(try line()))
    case UInt8(ascii: "S"): try push(.text(String(try line().dropFirst().dropLast())))
    // Python 2's strings, which hold names.
    case UInt8(ascii: "U"): try push(.text(try text(Int(try number(UInt8.self)))))
    case UInt8(ascii: "T"): try push(.text(try text(try length(Int32.self))))
    case UInt8(ascii: "C"): try pushData(Int(try number(UInt8.self)))
    case UInt8(ascii: "B"): try pushData(try length(UInt32.self))
    case 0x8E, 0x96: try pushData(try length(UInt64.self))
    case UInt8(ascii: "]"): try push(.list([]))
    case UInt8(ascii: "}"): try push(.dictionary([]))
    case UInt8(ascii: ")"): try push(.tuple([]))
    case 0x8F: try push(.set([]))
    default: return false
    }
    return true
  }

  private mutating func pushData(_ count: Int) throws(WeightFileError) {
    _ = try take(count)
    try push(.data(byteCount: count))
  }

  private mutating func pushInteger(_ text: String) throws(WeightFileError) {
    guard let value = Int(text) else { throw damaged("no whole number of 64 bits") }
    try push(.integer(value))
  }

  /// Two's complement, lowest byte first.
  private mutating func pushInteger(_ part: Bytes) throws(WeightFileError) {
    guard part.count <= 8 else { return try push(.large(Array(part.pointer))) }
    var value: UInt64 = 0
    for (index, byte) in part.pointer.enumerated() { value |= UInt64(byte) << UInt64(8 * index) }
    if let last = part.pointer.last, last >= 0x80, part.count < 8 {
      value |= UInt64.max << UInt64(8 * part.count)
    }
    try push(.integer(Int(Int64(bitPattern: value))))
  }

  /// Collections made from or filled with what lies on the stack.
  private mutating func fill(_ operation: UInt8) throws(WeightFileError) -> Bool {
    switch operation {
    case UInt8(ascii: "t"): try push(.tuple(try popMark()))
    case 0x85: try popTuple(1)
    case 0x86: try popTuple(2)
    case 0x87: try popTuple(3)
    case UInt8(ascii: "l"): try push(.list(try popMark()))
    case UInt8(ascii: "d"): try push(.dictionary(try pairs(try popMark())))
    case 0x91: try push(.set(try popMark()))
    case UInt8(ascii: "a"):
      let item = try pop()
      try append([item], to: try top())
    case UInt8(ascii: "e"), 0x90:
      let items = try popMark()
      try append(items, to: try top())
    case UInt8(ascii: "s"):
      let value = try pop()
      let key = try pop()
      try addMembers([key, value], to: try top())
    case UInt8(ascii: "u"):
      let members = try pairs(try popMark())
      try addMembers(members, to: try top())
    default: return false
    }
    return true
  }

  private func pairs(_ items: [PickleID]) throws(WeightFileError) -> [PickleID] {
    guard items.count % 2 == 0 else { throw damaged("a key without a value") }
    return items
  }

  private mutating func append(_ items: [PickleID], to id: PickleID) throws(WeightFileError) {
    // Taken out before it grows, so that it is not copied.
    let value = values[id]
    values[id] = .none
    switch consume value {
    case .list(var list):
      list += items
      values[id] = .list(list)
    case .set(var set):
      set += items
      values[id] = .set(set)
    case .object(var object):
      object.items += items
      values[id] = .object(object)
    default: throw damaged("something appended to what is no list")
    }
  }

  private mutating func addMembers(_ members: [PickleID], to id: PickleID) throws(WeightFileError) {
    let value = values[id]
    values[id] = .none
    switch consume value {
    case .dictionary(var dictionary):
      dictionary += members
      values[id] = .dictionary(dictionary)
    case .object(var object):
      object.members += members
      values[id] = .object(object)
    default: throw damaged("a key set in what is no dictionary")
    }
  }

  /// Names, and what would call them.
  private mutating func call(_ operation: UInt8) throws(WeightFileError) -> Bool {
    switch operation {
    case UInt8(ascii: "c"):
      let module = try line()
      try push(.global(module: module, name: try line()))
    case 0x93:
      let name = try pop()
      let module = try pop()
      guard case .text(let nameText) = values[name], case .text(let moduleText) = values[module]
      else { throw damaged("a name that is no text") }
      try push(.global(module: moduleText, name: nameText))
    case UInt8(ascii: "R"), 0x81:  // REDUCE, NEWOBJ
      let arguments = try pop()
      let callee = try pop()
      try push(try called(callee, arguments, isFunction: operation != 0x81))
    case 0x92:  // NEWOBJ_EX
      _ = try pop()
      let arguments = try pop()
      let callee = try pop()
      try push(try called(callee, arguments, isFunction: false))
    case UInt8(ascii: "i"):
      let module = try line()
      let callee = try add(.global(module: module, name: try line()))
      let arguments = try add(.tuple(try popMark()))
      try push(try called(callee, arguments, isFunction: false))
    case UInt8(ascii: "o"):
      let taken = try popMark()
      guard let callee = taken.first else { throw damaged("no class") }
      let arguments = try add(.tuple(Array(taken.dropFirst())))
      try push(try called(callee, arguments, isFunction: false))
    case UInt8(ascii: "b"):
      let state = try pop()
      // What is no object but has a state is a dictionary or a tensor of a class of its own.
      if case .object(var object) = values[try top()] {
        object.state = state
        values[try top()] = .object(object)
      }
    case UInt8(ascii: "P"):
      let text = try add(.text(try line()))
      try push(.persistent(text))
    case UInt8(ascii: "Q"): try push(.persistent(try pop()))
    case 0x82, 0x83, 0x84:
      throw bytes.unsupported(
        "its pickle uses codes registered with the program that wrote it", "save it without them")
    default: return false
    }
    return true
  }
}

/// The place of a value among all values of a pickle.
typealias PickleID = Int

/// A value that a pickle builds. Values refer to one another by place, so that a cycle or a chain of a
/// million links costs no stack.
indirect enum PickleValue {
  case none
  case bool(Bool)
  case integer(Int)
  /// A whole number beyond 64 bits, as its bytes.
  case large([UInt8])
  case float(Double)
  case text(String)
  /// A string of bytes; what it holds is of no use to weights.
  case data(byteCount: Int)
  case tuple([PickleID])
  case list([PickleID])
  /// Keys and values in turn.
  case dictionary([PickleID])
  case set([PickleID])
  /// The name of a class or function. It is never looked up.
  case global(module: String, name: String)
  case object(PickleObject)
  /// What the program that wrote the pickle keeps elsewhere; torch: a storage.
  case persistent(PickleID)
  case tensor(PickleTensor)
}

/// What a call of a class or function would have made: its name and what was given to it.
struct PickleObject {
  let constructor: PickleID
  let arguments: PickleID
  var state: PickleID?
  /// What was appended to it, if it is a list.
  var items: [PickleID] = []
  /// Keys and values in turn, if it is a dictionary.
  var members: [PickleID] = []
}

/// A view of a storage, as `torch._utils._rebuild_tensor_v2` describes it.
struct PickleTensor {
  let storage: PickleID
  let offset: Int
  let shape: [Int]
  let strides: [Int]
  /// Of version 3, whose storages have no type: a global like `torch.float16`.
  var type: PickleID?
}

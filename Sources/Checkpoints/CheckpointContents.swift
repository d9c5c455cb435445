public import Tensors

/// What a tensor is for. The raw value stands in the manifest; other programs may add their own.
public struct TensorRole: RawRepresentable, Hashable, Sendable, Codable, Comparable,
  CustomStringConvertible
{
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }

  /// A trained weight, bias, scale or shift.
  public static let parameter = TensorRole(rawValue: "parameter")
  /// Running statistics of batch normalization.
  public static let bn = TensorRole(rawValue: "bn")
  /// The optimizer's first moment.
  public static let momentum = TensorRole(rawValue: "momentum")
  /// The optimizer's second moment (AdamW).
  public static let secondMoment = TensorRole(rawValue: "second_moment")
  /// The moving average of a parameter or of its running statistics.
  public static let ema = TensorRole(rawValue: "ema")
  /// Raw state of a range observer: minimum, maximum, histogram.
  public static let observer = TensorRole(rawValue: "observer")
  /// Scale and zero point of a site.
  public static let quantizer = TensorRole(rawValue: "quantizer")
  /// A weight in float that a quantized network is held against.
  public static let teacher = TensorRole(rawValue: "teacher")
  /// What is remembered of a weight to see whether it oscillates between two integers.
  public static let oscillation = TensorRole(rawValue: "oscillation")
  /// Whatever else the run must remember as a tensor.
  public static let other = TensorRole(rawValue: "other")

  public init(from decoder: any Decoder) throws { rawValue = try String(from: decoder) }
  public func encode(to encoder: any Encoder) throws { try rawValue.encode(to: encoder) }
  public static func < (a: TensorRole, b: TensorRole) -> Bool { a.rawValue < b.rawValue }
  public var description: String { rawValue }
}

/// A tensor as a checkpoint holds it. Name and role together identify it.
public struct CheckpointTensor: Sendable {
  public var name: String
  public var role: TensorRole
  public var tensor: Tensor

  public init(name: String, role: TensorRole, tensor: Tensor) {
    self.name = name
    self.role = role
    self.tensor = tensor
  }
}

/// Who wrote a checkpoint. Not part of what `difference` compares: the bits do not depend on it.
public struct WriterNote: Hashable, Sendable, Codable {
  public var worldSize: Int
  /// Free text: program version, host, time; whatever a person may want to know.
  public var details: [String: String]

  public init(worldSize: Int = 1, details: [String: String] = [:]) {
    self.worldSize = worldSize
    self.details = details
  }

  enum CodingKeys: String, CodingKey {
    case worldSize = "world_size"
    case details
  }
}

/// Everything a run is made of at one step.
///
/// Tensors share their memory until written, so a value of this type is a snapshot: whoever writes
/// to one of the tensors later, through `Tensor`, makes a copy first.
public struct CheckpointContents: Sendable {
  /// Optimizer steps done.
  public var step: Int
  /// Epochs begun, counted from 0.
  public var epoch: Int
  /// Steps done in this epoch.
  public var position: Int
  public var recipe: JSONValue
  public var graph: JSONValue
  public var metrics: [String: Double]
  /// Counters of schedules, and whatever else is needed to go on with the same bits.
  public var state: JSONValue
  /// Names and versions of the libraries the numbers came from.
  public var libraries: [String: String]
  public var writer: WriterNote
  public var tensors: [CheckpointTensor]

  public init(
    step: Int, epoch: Int, position: Int, recipe: JSONValue = [:], graph: JSONValue = [:],
    metrics: [String: Double] = [:], state: JSONValue = [:], libraries: [String: String] = [:],
    writer: WriterNote = WriterNote(), tensors: [CheckpointTensor] = []
  ) {
    self.step = step
    self.epoch = epoch
    self.position = position
    self.recipe = recipe
    self.graph = graph
    self.metrics = metrics
    self.state = state
    self.libraries = libraries
    self.writer = writer
    self.tensors = tensors
  }

  /// The same contents in memory of their own.
  ///
  /// For a state that is written through pointers, past `Tensor`'s own copying.
  public func detached() -> CheckpointContents {
    var copy = self
    for index in tensors.indices {
      let source = tensors[index].tensor
      var target = Tensor(shape: source.shape, dtype: source.dtype)
      source.withBytes { from in target.withMutableBytes { $0.copyMemory(from: from) } }
      copy.tensors[index].tensor = target
    }
    return copy
  }

  /// The tensor of that name and role.
  public func tensor(_ name: String, role: TensorRole) -> Tensor? {
    tensors.first { $0.name == name && $0.role == role }?.tensor
  }
}

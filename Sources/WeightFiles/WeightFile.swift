public import Tensors

/// A file of trained weights, whoever wrote it: its facts, the names of its tensors, and each tensor when it
/// is asked for.
///
/// What kind of file it is its first bytes decide, not its name. The file is read into memory once; tensors
/// are made when they are read. Nothing in the file is executed, no other file is opened.
public struct WeightFile: Sendable {
  public let path: String
  private let source: any WeightSource
  /// Held while readers work with addresses into it; `nil` where something else holds the weights.
  private let contents: FileContents?

  public init(path: String, limits: WeightLimits = WeightLimits()) throws(WeightFileError) {
    try self.init(FileContents(path: path, limits: limits))
  }

  /// Bytes in memory as if they were the file `path`.
  public init(
    _ bytes: [UInt8], path: String, limits: WeightLimits = WeightLimits()
  ) throws(WeightFileError) {
    try self.init(FileContents(bytes, path: path, limits: limits))
  }

  /// Weights that something else holds, a checkpoint for example.
  public init(path: String, source: any WeightSource) {
    self.path = path
    self.source = source
    contents = nil
  }

  private init(_ contents: FileContents) throws(WeightFileError) {
    defer { withExtendedLifetime(contents) {} }
    let source = try weightSource(Bytes(contents))
    // Tensors may share storages; reading them all must not take longer for that.
    var byteCount = 0
    for entry in source.tensors {
      // Each was held against the same bound, so that the sum cannot overflow.
      byteCount += 4 * Shape(entry.shape).elementCount
      guard byteCount <= contents.allowance else {
        throw .limit(
          file: contents.path, found: "tensors of more bytes together as FP32",
          limit: "\(contents.allowance)")
      }
    }
    (path, self.source, self.contents) = (contents.path, source, contents)
  }

  public var format: WeightFormat { source.format }
  public var facts: WeightFacts { source.facts }
  /// In the order of their names; no name is there twice.
  public var tensors: [WeightEntry] { source.tensors }
  /// In the order of execution; empty where the file stores no graph.
  public var convolutions: [WeightConvolution] { source.convolutions }

  /// The numbers of all tensors but the statistics of batch norms.
  public var parameterCount: Int {
    let statistics = ["running_mean", "running_var", "num_batches_tracked"]
    return tensors.reduce(0) { sum, entry in
      let last = entry.name.split(separator: ".").last.map(String.init) ?? ""
      // Every count was checked against the file's size where it was read.
      return statistics.contains(last) ? sum : sum &+ Shape(entry.shape).elementCount
    }
  }

  /// A tensor as FP32, outermost extent first; convolutions as `[O, I / groups, H, W]`.
  public func read(_ name: String) throws(WeightFileError) -> Tensor {
    defer { withExtendedLifetime(contents) {} }
    return try source.read(name)
  }

  /// How many of a tensor's numbers are NaN or infinite.
  public func nonFiniteCount(_ name: String) throws(WeightFileError) -> Int {
    try read(name).withElements(as: Float.self) { values in
      values.reduce(0) { $0 + ($1.isFinite ? 0 : 1) }
    }
  }

  /// The tensors that hold NaN or infinity, with how many. Reads everything.
  public func nonFiniteTensors() throws(WeightFileError) -> [(name: String, count: Int)] {
    var found: [(name: String, count: Int)] = []
    for entry in tensors {
      let count = try nonFiniteCount(entry.name)
      if count > 0 { found.append((entry.name, count)) }
    }
    return found
  }
}

/// What holds weights: one kind of file, or a checkpoint.
public protocol WeightSource: Sendable {
  var format: WeightFormat { get }
  var facts: WeightFacts { get }
  var tensors: [WeightEntry] { get }
  var convolutions: [WeightConvolution] { get }
  /// *Throws:* `noTensor` for a name that is not in `tensors`.
  func read(_ name: String) throws(WeightFileError) -> Tensor
}

/// Kinds of files with weights. The raw value is the name shown to users.
public enum WeightFormat: String, Hashable, Sendable {
  case torch = "PyTorch"
  case safetensors
  case numpy = "npz"
  case onnx = "ONNX"
  case tflite = "TFLite"
  case checkpoint
}

/// A tensor that a file holds.
public struct WeightEntry: Hashable, Sendable {
  public let name: String
  /// How its numbers are stored: `float16`, `int8`, ….
  public let type: String
  public let shape: [Int]

  public init(name: String, type: String, shape: [Int]) {
    self.name = name
    self.type = type
    self.shape = shape
  }
}

/// A convolution of a stored graph: what a reader needs that cannot go by names.
public struct WeightConvolution: Hashable, Sendable {
  /// Of the node, or of its output.
  public let name: String
  /// The tensor to read; `[O, I / groups, H, W]`.
  public let weight: String
  /// The tensor to read, `[O]`; `nil` where there is none.
  public let bias: String?
  public let shape: [Int]
  public let groups: Int
  /// Vertical, horizontal.
  public let strides: [Int]
  /// The convolutions, by their place in the list, that its input comes from with none between; -1 is the
  /// network's input. Ascending.
  public let inputs: [Int]

  public init(
    name: String, weight: String, bias: String?, shape: [Int], groups: Int, strides: [Int],
    inputs: [Int]
  ) {
    self.name = name
    self.weight = weight
    self.bias = bias
    self.shape = shape
    self.groups = groups
    self.strides = strides
    self.inputs = inputs
  }
}

public import Tensors

/// A tensor that flows through the graph: the shape is that of one picture, `[H, W, C]` or `[C]`.
public struct Value: Hashable, Sendable, Codable {
  public var name: String
  public var shape: Shape

  public init(name: String, shape: Shape) {
    self.name = name
    self.shape = shape
  }
}

/// A stored tensor of the network.
public struct Parameter: Hashable, Sendable, Codable {
  public enum Role: String, Hashable, Sendable, Codable {
    case weight, bias
    /// γ and β of a batch norm.
    case scale, shift
    /// Statistics of a batch norm: averaged, not learned.
    case runningMean, runningVariance
    /// Learned scales of a weight's grids, one per output channel.
    case weightScale
    /// The learned numbers of a site's grid, as `LearnedRange` says.
    case siteScale

    public var isTrainable: Bool { self != .runningMean && self != .runningVariance }

    /// Whether it is of the quantizers alone: a network in float knows nothing of it.
    public var isQuantizer: Bool { self == .weightScale || self == .siteScale }
  }

  public var name: String
  public var shape: Shape
  public var role: Role

  public init(name: String, shape: Shape, role: Role) {
    self.name = name
    self.shape = shape
    self.role = role
  }
}

/// One operation with what it reads and the value it makes. Numbers index the graph's arrays.
public struct Node: Hashable, Sendable, Codable {
  public var name: String
  public var operation: Operation
  public var inputs: [Int]
  public var output: Int
  /// In the operation's order: weight, bias; or scale, shift, running mean, running variance.
  public var parameters: [Int]
  /// Bits of the symmetric per-channel grid of the weight; `nil` leaves it in float.
  public var weightBits: Int?
  /// The parameter that holds the scales of that grid, `[O]`; `nil` where they follow from the weight:
  /// `max|W[o,…]|` at the end of the grid.
  public var weightScale: Int?

  public init(
    name: String, operation: Operation, inputs: [Int], output: Int, parameters: [Int] = [],
    weightBits: Int? = nil
  ) {
    self.name = name
    self.operation = operation
    self.inputs = inputs
    self.output = output
    self.parameters = parameters
    self.weightBits = weightBits
  }
}

/// A place where tensors are quantized: all `fakeQuantize` nodes of one site share one grid.
public struct Site: Hashable, Sendable, Codable {
  public var name: String
  public var bits: Int
  /// Zero point 0, range symmetric about it.
  public var symmetric: Bool
  /// The range where it is known beforehand, as for the input picture.
  public var fixedRange: FixedRange?
  /// Where its range is learned; `nil` where it is observed or fixed.
  public var learned: LearnedRange?
  /// With a zero point of 0: the integers may lie to either side of it as the range wants, e.g.
  /// -1 ... 14 for 4 bits. Grids narrower than 8 bits can do that inside int8. `nil` stands for no.
  public var shifted: Bool?

  /// Whether both ends of the range count, and not the larger magnitude alone.
  public var hasTwoEnds: Bool { !symmetric || shifted == true }

  public struct FixedRange: Hashable, Sendable, Codable {
    public var low: Float
    public var high: Float

    public init(low: Float, high: Float) {
      self.low = low
      self.high = high
    }
  }

  public init(name: String, bits: Int, symmetric: Bool, fixedRange: FixedRange? = nil) {
    self.name = name
    self.bits = bits
    self.symmetric = symmetric
    self.fixedRange = fixedRange
  }
}

/// How a site's grid follows from a parameter of the graph.
public struct LearnedRange: Hashable, Sendable, Codable {
  public enum Method: String, Hashable, Sendable, Codable {
    /// The scale; of an affine grid also its low end: `[s]` or `[s, low]`.
    ///
    /// *Source:* Esser et al., "Learned Step Size Quantization", ICLR 2020; with the offset Bhalgat et
    /// al., "LSQ+", 2020.
    case lsq
    /// The ends: `[high]`, of an affine grid `[high, low]`.
    ///
    /// *Source:* Choi et al., "PACT: Parameterized Clipping Activation", 2018.
    case pact
  }

  public var method: Method
  /// Of role `siteScale`.
  public var parameter: Int

  public init(method: Method, parameter: Int) {
    self.method = method
    self.parameter = parameter
  }
}

/// A network as a value: what is computed, in what order, from which parameters, quantized where.
///
/// Nodes stand in an order in which each follows those it reads from.
public struct Graph: Hashable, Sendable, Codable {
  public var name: String
  public var values: [Value]
  public var nodes: [Node]
  public var parameters: [Parameter]
  public var sites: [Site]
  public var inputs: [Int]
  public var outputs: [Int]
  /// How to read the outputs, if this is a detector.
  public var head: DetectorHead?

  public init(name: String) {
    self.name = name
    values = []
    nodes = []
    parameters = []
    sites = []
    inputs = []
    outputs = []
  }

  /// The number of learned numbers.
  public var trainableParameterCount: Int {
    parameters.reduce(0) { $0 + ($1.role.isTrainable ? $1.shape.elementCount : 0) }
  }

  /// For every value, the nodes that read it, in order. A node that reads it twice appears twice.
  public func consumers() -> [[Int]] {
    var result = [[Int]](repeating: [], count: values.count)
    for (index, node) in nodes.enumerated() {
      for input in node.inputs { result[input].append(index) }
    }
    return result
  }

  /// For every value, the node that makes it; `nil` for inputs.
  public func producers() -> [Int?] {
    var result = [Int?](repeating: nil, count: values.count)
    for (index, node) in nodes.enumerated() { result[node.output] = index }
    return result
  }
}

/// How a detector's outputs are read: per level, distances to the four sides as distributions, and class logits.
public struct DetectorHead: Hashable, Sendable, Codable {
  public struct Level: Hashable, Sendable, Codable {
    /// Value with `[H, W, 4·bins]`: left, top, right, bottom.
    public var boxes: Int
    /// Value with `[H, W, classes]`.
    public var classes: Int
    /// Input pixels per cell.
    public var stride: Int

    public init(boxes: Int, classes: Int, stride: Int) {
      self.boxes = boxes
      self.classes = classes
      self.stride = stride
    }
  }

  public var levels: [Level]
  public var classNames: [String]
  public var bins: Int

  public init(levels: [Level], classNames: [String], bins: Int) {
    self.levels = levels
    self.classNames = classNames
    self.bins = bins
  }
}

import Foundation
import Graphs
import Models
import Quantization
import Tensors

/// A detector on 64×64 pixels, YOLOv8n unless another is given, with weights from a formula, batch
/// norms set to the statistics of one picture, and grids that cover what the sites see on it.
struct ExportFixture: Sendable {
  var graph: Graph
  var weights: NamedWeights
  var grids: [Grid]
  /// `[H, W, 3]`, levels of brightness out of 255.
  var pixels: [UInt8]

  static let classNames = ["car", "free \"bay\"", "tram"]

  static func picture(seed: UInt64, size: Int = 64) -> [UInt8] {
    var random = Philox(seed: seed)
    return (0..<size * size * 3).map { index in
      let (row, column) = (index / 3 / size, index / 3 % size)
      let wave = sin(Double(row) / 5 + Double(seed)) * cos(Double(column) / 7) * 100
      return UInt8(min(max(128 + wave + Double(random.uniform(-40, 40)), 0), 255))
    }
  }

  /// `[H, W, 3]` to 0 ... 1, rounded to Float as the model's input is.
  static func input(_ pixels: [UInt8]) -> [Double] { pixels.map { Double(Float($0) / 255) } }

  /// - Parameter target: `nil` for a float graph.
  init(
    _ float: Graph = yolo(.silu), target: Target?, weightBits: Int = 8, activationBits: Int = 8
  ) {
    pixels = Self.picture(seed: 1)
    var start = float.initialWeights(seed: 11)
    var random = Philox(seed: 12)
    for parameter in float.parameters {
      switch parameter.role {
      case .scale:
        // Negative and zero factors too: they go into the integers.
        start[parameter.name] = Tensor(
          (0..<parameter.shape.elementCount).map { o in
            let size = random.uniform(0.5, 1.5)
            return o % 11 == 3 ? 0 : o % 7 == 2 ? -size : size
          }, shape: parameter.shape)
      case .shift:
        start[parameter.name] = Tensor(
          (0..<parameter.shape.elementCount).map { _ in random.uniform(-0.5, 0.5) },
          shape: parameter.shape)
      default: break
      }
    }
    graph =
      target.map {
        float.placingSites(
          $0.rules, weightBits: weightBits, activationBits: activationBits)
      } ?? float
    var evaluator = ReferenceEvaluator(graph, start)
    evaluator.setsStatistics = true
    _ = evaluator.run(Self.input(pixels))
    weights = evaluator.weights
    grids = zip(graph.sites, evaluator.ranges).map { site, range in
      Grid(
        covering: site.fixedRange?.low ?? range.low, site.fixedRange?.high ?? range.high,
        bits: site.bits, symmetric: site.symmetric)
    }
  }

  /// A network with bits by rules and learned scales: those of weights clip the largest ones, and grids
  /// follow from the learned numbers of their sites.
  init(_ float: Graph, target: Target, rules: BitRules, learning method: LearnedRange.Method) throws
  {
    let plain = ExportFixture(float, target: target)
    pixels = plain.pixels
    weights = plain.weights
    graph = try float.placingSites(target.rules).settingBits(rules)
      .learningScales(weights: true, ranges: method)
    for node in graph.nodes {
      guard let bits = node.weightBits, let scale = node.weightScale else { continue }
      let weight = weights[graph.parameters[node.parameters[0]].name]!
      let scales = WeightGrid(leastSquaredError: weight, bits: bits).scales
      weights[graph.parameters[scale].name] = Tensor(scales, shape: [scales.count])
    }
    grids = []
    for (site, seen) in zip(graph.sites, plain.grids) {
      // A SiLU has no value below -0.279, which a grid symmetric about 0 does not tell.
      let low = site.hasTwoEnds ? max(seen.low, -0.3) : seen.low
      var grid = site.grid(covering: low, seen.high)
      if let learned = site.learned {
        let values = site.learnedValues(method, of: grid).map { 0.9 * $0 }
        weights[graph.parameters[learned.parameter].name] = Tensor(values, shape: [values.count])
        grid = site.grid(learned: method, values)
      }
      grids.append(grid)
    }
  }

  /// YOLOv8n with ReLU in which every number is a small multiple of a power of two, so that sums in
  /// Float are exact in any order: two right ways of computing it agree in every bit.
  ///
  /// Scales of grids and weights and gains of batch norms are powers of two, biases and means
  /// multiples of 1/256.
  init(exactFor target: Target) {
    graph = Self.yolo(.relu).placingSites(target.rules)
    pixels = Self.picture(seed: 1)
    weights = NamedWeights()
    var random = Philox(seed: 13)
    for parameter in graph.parameters {
      let count = parameter.shape.elementCount
      let values: [Float]
      switch parameter.role {
      case .weight:
        let fanIn = count / parameter.shape[0]
        let unit = Self.powerOfTwo(atLeast: 1 / (20 * Float(fanIn).squareRoot()))
        // The first weight of a channel makes 127 the largest integer and `unit` the scale.
        values = (0..<count).map { index in
          index % fanIn == 0 ? 127 * unit : Float(random.integer(below: 81) - 40) * unit
        }
      case .scale:
        values = (0..<count).map { $0 % 11 == 3 ? 0 : $0 % 7 == 2 ? -0.5 : $0 % 5 == 1 ? 2 : 1 }
      case .runningVariance:
        precondition(Float(0.999) + 1e-3 == 1, "the gain is to be exactly the scale")
        values = [Float](repeating: 0.999, count: count)
      case .weightScale, .siteScale: values = [Float](repeating: 0.125, count: count)
      case .bias, .shift, .runningMean:
        values = (0..<count).map { _ in Float(random.integer(below: 257) - 128) / 256 }
      }
      weights[parameter.name] = Tensor(values, shape: parameter.shape)
    }
    var evaluator = ReferenceEvaluator(graph, weights)
    evaluator.setsGains = true
    _ = evaluator.run(Self.input(pixels))
    weights = evaluator.weights
    grids = zip(graph.sites, evaluator.ranges).map { site, range in
      Grid(
        scale: Self.powerOfTwo(atLeast: max(-range.low, range.high) / 127), zeroPoint: 0,
        minimum: -128, maximum: 127)
    }
  }

  private static func powerOfTwo(atLeast x: Float) -> Float {
    let power = Float(sign: .plus, exponent: x.exponent, significand: 1)
    return power >= x ? power : 2 * power
  }

  static func yolo(_ activation: Activation) -> Graph {
    yolov8(.n, classNames: classNames, inputHeight: 64, inputWidth: 64, activation: activation)
  }

  /// A detector of one level with one of everything and only seven convolutions in a row.
  static func shallow() -> Graph {
    var b = GraphBuilder(name: "shallow")
    func block(
      _ x: GraphBuilder.Handle, _ channels: Int, stride: Int = 1, _ name: String
    ) -> GraphBuilder.Handle {
      let conv = b.node(
        .convolution(
          channels: channels, kernel: 3, stride: stride, padding: 1, groups: 1, bias: false), x,
        name: "\(name).conv")
      let norm = b.node(.batchNorm(epsilon: 1e-3, momentum: 0.03), conv, name: "\(name).bn")
      return b.node(.activation(.silu), norm, name: "\(name).act")
    }
    let image = b.input("image", shape: [64, 64, 3])
    let stem = block(block(image, 16, stride: 2, "a"), 24, stride: 2, "b")
    let first = b.node(.slice(from: 0, count: 12), stem, name: "first")
    let second = b.node(.slice(from: 12, count: 12), stem, name: "second")
    let inner = block(block(second, 12, "c"), 12, "d")
    let sum = b.node(.add, second, inner, name: "sum")
    let pool = b.node(.maxPool(kernel: 2, stride: 2, padding: 0), sum, name: "pool")
    let up = b.node(.upsample(factor: 2), pool, name: "up")
    let joined = b.node(.concat, first, second, sum, up, name: "joined")
    let feature = block(block(joined, 32, stride: 2, "e"), 32, "f")
    var outputs: [GraphBuilder.Handle] = []
    for (name, channels) in [("boxes", 64), ("classes", 3)] {
      outputs.append(
        b.node(
          .convolution(
            channels: channels, kernel: 1, stride: 1, padding: 0, groups: 1, bias: true), feature,
          name: "head.\(name)"))
      b.output(outputs.last!)
    }
    b.setHead(
      DetectorHead(
        levels: [.init(boxes: outputs[0].index, classes: outputs[1].index, stride: 8)],
        classNames: classNames, bins: 16))
    return b.graph
  }

  /// One convolution with its batch norm and activation, and another: nothing widens a difference.
  static func block(_ activation: Activation) -> Graph {
    var b = GraphBuilder(name: "block")
    let image = b.input("image", shape: [64, 64, 3])
    for (name, stride) in [("first", 1), ("second", 2)] {
      let conv = b.node(
        .convolution(
          channels: 32, kernel: 3, stride: stride, padding: 1, groups: 1, bias: false), image,
        name: "\(name).conv")
      let norm = b.node(.batchNorm(epsilon: 1e-3, momentum: 0.03), conv, name: "\(name).bn")
      b.output(b.node(.activation(activation), norm, name: "\(name).act"))
    }
    return b.graph
  }

  static let float = ExportFixture(target: nil)
  static let tensorrt = ExportFixture(target: .tensorrt)
  static let portable = ExportFixture(target: .portable)

  /// All values for `pixels`, on the fixture's grids if it has any.
  func evaluate(_ pixels: [UInt8]) -> (evaluator: ReferenceEvaluator, values: [[Double]]) {
    var evaluator = ReferenceEvaluator(graph, weights)
    let values = evaluator.run(Self.input(pixels), grids.isEmpty ? .float : .quantized(grids))
    return (evaluator, values)
  }
}

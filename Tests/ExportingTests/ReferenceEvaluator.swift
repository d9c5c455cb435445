import Foundation
import Graphs
import Quantization
import Tensors

/// Computes a graph for one picture by plain loops in Double: what every other way is measured by.
///
/// Values are `[H, W, C]`. Quantized weights are put on their grids before the batch norm, as training
/// does. Grids are applied to the value rounded to Float; a batch norm's factor is a Float.
struct ReferenceEvaluator {
  enum Mode {
    /// Sites pass values on and note their range.
    case float
    /// Sites round to these grids.
    case quantized([Grid])
  }

  let graph: Graph
  var weights: NamedWeights
  /// The range each site has seen in float mode.
  private(set) var ranges: [(low: Float, high: Float)]
  /// Whether batch norms take the picture's own statistics and keep them as running ones.
  var setsStatistics = false
  /// Whether batch norms multiply their gains by the power of two that brings their input to about 1.
  var setsGains = false

  init(_ graph: Graph, _ weights: NamedWeights) {
    self.graph = graph
    self.weights = weights
    ranges = graph.sites.map { _ in (0, 0) }
  }

  /// All values of the graph.
  mutating func run(_ image: [Double], _ mode: Mode = .float) -> [[Double]] {
    var values = [[Double]](repeating: [], count: graph.values.count)
    values[graph.inputs[0]] = image
    for node in graph.nodes {
      let inputs = node.inputs.map { values[$0] }
      let shapes = node.inputs.map { graph.values[$0].shape }
      let out = graph.values[node.output].shape
      switch node.operation {
      case .convolution(_, let kernel, let stride, let padding, let groups, let bias):
        values[node.output] = Self.convolution(
          inputs[0], shapes[0], weight(node, mode), bias ? parameter(node, 1) : nil, out,
          kernel: kernel, stride: stride, padding: padding, groups: groups)
      case .linear(let features, let bias):
        let w = weight(node, mode)
        let b = bias ? parameter(node, 1) : [Double](repeating: 0, count: features)
        let count = inputs[0].count
        values[node.output] = (0..<features).map { o in
          (0..<count).reduce(b[o]) { $0 + w[o * count + $1] * inputs[0][$1] }
        }
      case .batchNorm(let epsilon, _):
        if setsStatistics { setStatistics(node, inputs[0], out) }
        if setsGains { setGains(node, inputs[0], out) }
        let p = (0..<4).map { parameter(node, $0) }
        let c = out.extents.last!
        let gains = zip(p[0], p[3]).map { Double(Float($0) / (Float($1) + epsilon).squareRoot()) }
        values[node.output] = inputs[0].enumerated().map { index, x in
          (x - p[2][index % c]) * gains[index % c] + p[1][index % c]
        }
      case .activation(.silu): values[node.output] = inputs[0].map { $0 / (1 + exp(-$0)) }
      case .activation(.relu): values[node.output] = inputs[0].map { max($0, 0) }
      case .activation(.relu6): values[node.output] = inputs[0].map { min(max($0, 0), 6) }
      case .sigmoid: values[node.output] = inputs[0].map { 1 / (1 + exp(-$0)) }
      case .multiply: values[node.output] = zip(inputs[0], inputs[1]).map { $0 * $1 }
      case .add: values[node.output] = zip(inputs[0], inputs[1]).map { $0 + $1 }
      case .concat:
        values[node.output] = (0..<out[0] * out[1]).flatMap { pixel in
          zip(inputs, shapes).flatMap { x, shape in x[pixel * shape[2]..<(pixel + 1) * shape[2]] }
        }
      case .slice(let from, let count):
        let c = shapes[0][2]
        values[node.output] = (0..<out[0] * out[1]).flatMap { pixel in
          inputs[0][pixel * c + from..<pixel * c + from + count]
        }
      case .upsample(let factor):
        values[node.output] = (0..<out[0]).flatMap { row in
          (0..<out[1]).flatMap { column in
            let pixel = row / factor * shapes[0][1] + column / factor
            return inputs[0][pixel * out[2]..<(pixel + 1) * out[2]]
          }
        }
      case .maxPool(let kernel, let stride, let padding):
        values[node.output] = Self.maxPool(
          inputs[0], shapes[0], out, kernel: kernel, stride: stride, padding: padding)
      case .globalAveragePool:
        let pixels = shapes[0][0] * shapes[0][1]
        values[node.output] = (0..<out[0]).map { c in
          (0..<pixels).reduce(0) { $0 + inputs[0][$1 * out[0] + c] } / Double(pixels)
        }
      case .fakeQuantize(let site):
        switch mode {
        case .float:
          for x in inputs[0] {
            ranges[site].low = min(ranges[site].low, Float(x))
            ranges[site].high = max(ranges[site].high, Float(x))
          }
          values[node.output] = inputs[0]
        case .quantized(let grids):
          let grid = grids[site]
          values[node.output] = inputs[0].map { Double(grid.fakeQuantize(Float($0))) }
        }
      }
    }
    return values
  }

  private func parameter(_ node: Node, _ index: Int) -> [Double] {
    weights[graph.parameters[node.parameters[index]].name]!.values(as: Float.self).map(Double.init)
  }

  private func weight(_ node: Node, _ mode: Mode) -> [Double] {
    let tensor = weights[graph.parameters[node.parameters[0]].name]!
    guard case .quantized = mode, let bits = node.weightBits else { return parameter(node, 0) }
    let grid =
      node.weightScale.map {
        WeightGrid(
          scales: weights[graph.parameters[$0].name]!.values(as: Float.self), bits: bits)
      } ?? WeightGrid(tensor, bits: bits)
    return grid.fakeQuantize(tensor).values(as: Float.self).map(Double.init)
  }

  private mutating func setStatistics(_ node: Node, _ x: [Double], _ shape: Shape) {
    let c = shape.extents.last!
    let count = Double(x.count / c)
    var (mean, variance) = ([Double](repeating: 0, count: c), [Double](repeating: 0, count: c))
    for (index, value) in x.enumerated() { mean[index % c] += value / count }
    for (index, value) in x.enumerated() {
      variance[index % c] += (value - mean[index % c]) * (value - mean[index % c]) / count
    }
    // One variance for all channels, with the means in it: a channel that hardly varies on this picture
    // would be blown up on others, and rounding errors with it.
    let common = zip(variance, mean).reduce(0) { $0 + ($1.0 + $1.1 * $1.1) / Double(c) }
    variance = variance.map { _ in common }
    for (index, values) in [(2, mean), (3, variance)] {
      weights[graph.parameters[node.parameters[index]].name] = Tensor(
        values.map { Float($0) }, shape: [c])
    }
  }

  private mutating func setGains(_ node: Node, _ x: [Double], _ shape: Shape) {
    let square = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
    guard square > 0 else { return }
    let factor = Float(exp2(-(log2(square) / 2).rounded()))
    let scale = parameter(node, 0).map { Float($0) * factor }
    weights[graph.parameters[node.parameters[0]].name] = Tensor(scale, shape: [scale.count])
  }

  private static func convolution(
    _ x: [Double], _ shape: Shape, _ weight: [Double], _ bias: [Double]?, _ out: Shape,
    kernel: Int, stride: Int, padding: Int, groups: Int
  ) -> [Double] {
    let (H, W, C) = (shape[0], shape[1], shape[2])
    let O = out[2]
    let (perIn, perOut) = (C / groups, O / groups)
    // [O, c, i, j] to [O, i, j, c], so that the innermost loop runs through memory.
    var w = weight
    for o in 0..<O {
      for c in 0..<perIn {
        for k in 0..<kernel * kernel {
          w[(o * kernel * kernel + k) * perIn + c] = weight[(o * perIn + c) * kernel * kernel + k]
        }
      }
    }
    var y = [Double](repeating: 0, count: out.elementCount)
    x.withUnsafeBufferPointer { x in
      w.withUnsafeBufferPointer { w in
        for row in 0..<out[0] {
          for column in 0..<out[1] {
            for o in 0..<O {
              var sum = bias?[o] ?? 0
              for i in 0..<kernel {
                for j in 0..<kernel {
                  let (r, s) = (row * stride + i - padding, column * stride + j - padding)
                  guard r >= 0, r < H, s >= 0, s < W else { continue }
                  let from = (r * W + s) * C + o / perOut * perIn
                  let weights = (o * kernel * kernel + i * kernel + j) * perIn
                  for c in 0..<perIn { sum += x[from + c] * w[weights + c] }
                }
              }
              y[(row * out[1] + column) * O + o] = sum
            }
          }
        }
      }
    }
    return y
  }

  private static func maxPool(
    _ x: [Double], _ shape: Shape, _ out: Shape, kernel: Int, stride: Int, padding: Int
  ) -> [Double] {
    var y = [Double](repeating: -.infinity, count: out.elementCount)
    for index in y.indices {
      let (row, column, c) = (index / out[2] / out[1], index / out[2] % out[1], index % out[2])
      for r in max(row * stride - padding, 0)..<min(row * stride - padding + kernel, shape[0]) {
        for s in max(
          column * stride - padding, 0)..<min(
            column * stride - padding + kernel, shape[1])
        {
          y[index] = max(y[index], x[(r * shape[1] + s) * shape[2] + c])
        }
      }
    }
    return y
  }

  /// The detector's decode: corners `[A, 4]` in input pixels and scores `[A, classes]`.
  func decode(_ values: [[Double]]) -> (boxes: [Double], scores: [Double]) {
    let head = graph.head!
    let classes = head.classNames.count
    var (boxes, scores): ([Double], [Double]) = ([], [])
    for level in head.levels {
      let shape = graph.values[level.boxes].shape
      for row in 0..<shape[0] {
        for column in 0..<shape[1] {
          let pixel = row * shape[1] + column
          let distances = (0..<4).map { side in
            let start = (pixel * 4 + side) * head.bins
            let logits = values[level.boxes][start..<start + head.bins]
            let powers = logits.map { exp($0 - logits.max()!) }
            let total = powers.reduce(0, +)
            return powers.enumerated().reduce(0) { $0 + Double($1.offset) * $1.element / total }
          }
          let (x, y) = (Double(column) + 0.5, Double(row) + 0.5)
          let stride = Double(level.stride)
          boxes += [
            (x - distances[0]) * stride, (y - distances[1]) * stride, (x + distances[2]) * stride,
            (y + distances[3]) * stride,
          ]
          scores += values[level.classes][pixel * classes..<(pixel + 1) * classes].map {
            1 / (1 + exp(-$0))
          }
        }
      }
    }
    return (boxes, scores)
  }
}

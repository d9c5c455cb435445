import Foundation
import Graphs
import Models
import Tensors
import Testing

@Suite struct InitialWeightsTests {
  static func graph(_ names: [String], _ size: Int = 32, _ activation: Activation = .silu) -> Graph
  {
    yolov8(.n, classNames: names, inputHeight: size, inputWidth: size, activation: activation)
  }

  @Test func `they depend on the seed and the name alone`() throws {
    let a = Self.graph(["car", "bus"])
    let b = Self.graph(["a", "b", "c"], 64, .relu)
    let (wa, wb) = (a.initialWeights(seed: 3), b.initialWeights(seed: 3))
    try a.check(wa)
    var compared = 0
    for parameter in a.parameters {
      guard let other = wb[parameter.name], other.shape == parameter.shape else { continue }
      if parameter.name.hasPrefix("model.22.cv3") && parameter.role == .bias { continue }
      #expect(wa[parameter.name]!.isBitwiseEqual(to: other), "\(parameter.name)")
      compared += 1
    }
    #expect(compared >= 285)
    let other = a.initialWeights(seed: 4)
    for parameter in a.parameters where parameter.role == .weight {
      #expect(!wa[parameter.name]!.isBitwiseEqual(to: other[parameter.name]!))
    }
  }

  @Test func `two layers of one shape start from different numbers`() {
    let weights = Self.graph(["car"]).initialWeights(seed: 0)
    #expect(
      !weights["model.2.m.0.cv1.conv.weight"]!.isBitwiseEqual(
        to: weights["model.2.m.0.cv2.conv.weight"]!))
  }

  @Test func `convolutions fill their bounds, batch norms start at the identity`() {
    let graph = Self.graph(["car"])
    let weights = graph.initialWeights(seed: 1)
    for parameter in graph.parameters {
      let values = weights[parameter.name]!.values(as: Float.self)
      switch parameter.role {
      case .weight:
        let bound = 1 / Float(values.count / parameter.shape[0]).squareRoot()
        let largest = values.map { abs($0) }.max()!
        #expect(largest <= bound)
        if values.count > 400 {
          #expect(largest > 0.95 * bound)
          #expect(abs(values.reduce(0, +) / Float(values.count)) < bound / 5)
        }
      case .scale, .runningVariance, .weightScale, .siteScale:
        #expect(values.allSatisfy { $0 == 1 })
      case .shift, .runningMean: #expect(values.allSatisfy { $0 == 0 })
      case .bias: break
      }
    }
  }

  @Test func `the head starts at the prior of five objects in a picture of 640 pixels`() {
    let weights = Self.graph(["car", "bus"]).initialWeights(seed: 1)
    for (level, stride) in [8.0, 16, 32].enumerated() {
      let prior = Float(log(5 / 2 / (640 / stride * 640 / stride)))
      #expect(
        weights["model.22.cv3.\(level).2.bias"]!.values(as: Float.self) == [prior, prior])
      #expect(
        weights["model.22.cv2.\(level).2.bias"]!.values(as: Float.self)
          == [Float](repeating: 1, count: 64))
    }
  }

  @Test func `a quantized output does not hide the head's biases`() {
    let graph = Self.graph(["car", "bus"])
    var quantized = graph
    quantized.sites = [Site(name: "out", bits: 8, symmetric: true)]
    for output in graph.outputs {
      quantized.values.append(graph.values[output])
      quantized.nodes.append(
        Node(
          name: "quantize.\(output)", operation: .fakeQuantize(site: 0), inputs: [output],
          output: quantized.values.count - 1))
      let new = quantized.values.count - 1
      quantized.outputs = quantized.outputs.map { $0 == output ? new : $0 }
      quantized.head!.levels = quantized.head!.levels.map {
        .init(
          boxes: $0.boxes == output ? new : $0.boxes,
          classes: $0.classes == output ? new : $0.classes, stride: $0.stride)
      }
    }
    let (a, b) = (graph.initialWeights(seed: 2), quantized.initialWeights(seed: 2))
    for parameter in graph.parameters {
      #expect(a[parameter.name]!.isBitwiseEqual(to: b[parameter.name]!), "\(parameter.name)")
    }
  }
}

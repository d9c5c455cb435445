import Detection
import Engine
import Foundation
import Graphs
import Models
import Tensors
import Testing

/// Golden numbers from PyTorch and Ultralytics: `scripts/goldens/yolov8n.py` says what they are.
private struct YOLOv8Golden: Decodable {
  struct Sampled: Decodable {
    var sum, norm: Double
    var samples: [Double]
  }
  struct Level: Decodable {
    var height, width, stride: Int
    var boxes, classes: Sampled
  }
  struct Loss: Decodable {
    var box, classification, distribution, normalizer: Double
    var positives: Int
  }
  struct Gradient: Decodable {
    var name: String
    var shape: [Int]
    var sum, norm: Double
    var samples: [Double]

    var sampled: Sampled { Sampled(sum: sum, norm: norm, samples: samples) }
  }
  struct Statistics: Decodable {
    var name: String
    var mean, variance: Sampled
  }
  struct Pass: Decodable {
    var levels: [Level]
    var loss: Loss
    var parameters: [Gradient]
    var runningStatistics: [Statistics]
  }
  struct Target: Decodable {
    var classIndex: Int32
    var corners: [Float]
  }

  var targets: [[Target]]
  var gradientScale: Float
  /// The pass in double: what both FP32 programs approximate.
  var float64: Pass

  static func load() throws -> YOLOv8Golden {
    let url = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Goldens/yolov8n-64.json")
    return try JSONDecoder().decode(YOLOv8Golden.self, from: Data(contentsOf: url))
  }
}

/// The numbers of `scripts/goldens/formula.py`.
private enum Formula {
  static func number(_ index: Int, _ name: String) -> UInt32 {
    var hash: UInt32 = 0x811C_9DC5
    for byte in name.utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
    var h = UInt32(truncatingIfNeeded: index) &* 2_654_435_761 &+ hash
    h = (h ^ (h >> 16)) &* 0x45D_9F3B
    h = (h ^ (h >> 16)) &* 0x45D_9F3B
    return h ^ (h >> 16)
  }

  static func unit(_ index: Int, _ name: String) -> Double {
    Double(number(index, name)) * 0x1p-32
  }

  static func weights(_ graph: Graph) -> NamedWeights {
    var weights = NamedWeights()
    for parameter in graph.parameters {
      let (name, shape) = (parameter.name, parameter.shape)
      let values = (0..<shape.elementCount).map { i in
        let unit = unit(i, name)
        let signed = 2 * unit - 1
        return switch parameter.role {
        case .weight: signed * (3 / Double(shape.elementCount / shape[0])).squareRoot()
        case .bias: 0.1 * signed
        case .scale: 0.8 + 0.4 * unit
        case .shift: 0.2 * signed
        case .runningMean: 0.0
        case .runningVariance: 1.0
        }
      }
      weights[name] = Tensor(values.map { Float($0) }, shape: shape)
    }
    return weights
  }
}

/// One training pass of YOLOv8n against PyTorch's.
@Suite struct YOLOv8GoldenTests {
  /// Norm, sum and samples of `values`, within `tolerance` of the oracle's: the norm of itself, samples of
  /// the root mean square times `spread`, the sum of twice what independent errors of that size add up
  /// to. They are not quite independent: a rounding in a batch norm's channel goes into all weights
  /// of that channel (seen: 5.3e-4 of the norm in a gradient, with oneDNN's AVX2 kernels).
  private func compare(
    _ values: [Double], _ golden: YOLOv8Golden.Sampled, tolerance: Double, spread: Double,
    _ name: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let rootMeanSquare = golden.norm / Double(values.count).squareRoot()
    #expect(
      abs(norm - golden.norm) <= tolerance * golden.norm,
      "\(name): norm \(norm), oracle \(golden.norm)", sourceLocation: sourceLocation)
    let sum = values.reduce(0, +)
    #expect(
      abs(sum - golden.sum) <= 2 * tolerance * spread * golden.norm,
      "\(name): sum \(sum), oracle \(golden.sum)", sourceLocation: sourceLocation)
    let k = golden.samples.count
    for (j, sample) in golden.samples.enumerated() {
      let value = values[j * (values.count - 1) / (k - 1)]
      #expect(
        abs(value - sample) <= tolerance * spread * rootMeanSquare,
        "\(name), sample \(j): \(value), oracle \(sample), root mean square \(rootMeanSquare)",
        sourceLocation: sourceLocation)
    }
  }

  private func values(_ start: UnsafePointer<Float>, _ count: Int) -> [Double] {
    UnsafeBufferPointer(start: start, count: count).map(Double.init)
  }

  @Test func `heads, loss, gradients and statistics equal PyTorch's`() throws {
    let golden = try YOLOv8Golden.load()
    let (batch, size) = (2, 64)
    let graph = yolov8(.n, classNames: ["a", "b"], inputHeight: size, inputWidth: size)
    let store = ParameterStore(graph)
    store.load(Formula.weights(graph))
    let plan = try TrainingPlan(graph: graph, batchSize: batch, store: store)
    plan.prepareWeights()
    plan.setInput((0..<batch * size * size * 3).map { UInt8(Formula.number($0, "input") >> 24) })
    plan.forward()

    let levels = graph.head!.levels.map { level in
      HeadLevel(
        boxes: plan.output(level.boxes), classes: plan.output(level.classes),
        boxGradients: plan.outputGradient(level.boxes),
        classGradients: plan.outputGradient(level.classes), height: size / level.stride,
        width: size / level.stride, stride: level.stride)
    }
    for (level, expected) in zip(levels, golden.float64.levels) {
      let cells = batch * level.height * level.width
      for (start, channels, sampled, name) in [
        (level.boxes, 64, expected.boxes, "boxes"), (level.classes, 2, expected.classes, "classes"),
      ] {
        // PyTorch's own FP32 pass is up to 3e-5 of the largest logit from the double one.
        compare(
          values(start, cells * channels), sampled, tolerance: 1e-4, spread: 2,
          "\(name) of stride \(level.stride)")
      }
    }

    let loss = DetectionLoss(batchSize: batch, classCount: 2, geometry: levels.map(\.geometry))
    let targets = golden.targets.map { image in
      image.map {
        BoxTarget(
          classIndex: $0.classIndex,
          corners: SIMD4($0.corners[0], $0.corners[1], $0.corners[2], $0.corners[3]))
      }
    }
    let parts = loss.evaluate(
      levels: levels, targets: targets, gradientScale: golden.gradientScale)
    let expected = golden.float64.loss
    #expect(parts.positives == expected.positives)
    for (actual, expected) in [
      (parts.box, expected.box), (parts.classification, expected.classification),
      (parts.distribution, expected.distribution), (parts.normalizer, expected.normalizer),
    ] {
      #expect(abs(Double(actual) - expected) <= 1e-4 * expected)
    }

    plan.backward()
    let gradients = Dictionary(
      uniqueKeysWithValues: golden.float64.parameters.map { ($0.name, $0) })
    #expect(store.layout.trainable.count == gradients.count)
    for segment in store.layout.trainable {
      let expected = try #require(gradients[segment.name])
      #expect(segment.shape.extents == expected.shape)
      // PyTorch's own FP32 gradients: norms 5e-5, samples 2.7e-4 of the root mean square from the
      // double ones, because the last batch norms see 8 values a channel.
      compare(
        values(plan.gradients + segment.offset, segment.count), expected.sampled, tolerance: 1e-4,
        spread: 5, segment.name)
    }

    let statistics = Dictionary(
      uniqueKeysWithValues: golden.float64.runningStatistics.map { ($0.name, $0) })
    for segment in store.layout.statistics {
      let isMean = segment.role == .runningMean
      let layer = segment.name.replacingOccurrences(
        of: isMean ? ".running_mean" : ".running_var", with: "")
      let expected = try #require(statistics[layer])
      // The oracle's are after one step of momentum 0.03 from 0 and 1.
      compare(
        values(plan.shardStatistics + segment.offset, segment.count).map {
          isMean ? 0.03 * $0 : 0.97 + 0.03 * $0
        }, isMean ? expected.mean : expected.variance, tolerance: 1e-4, spread: 2, segment.name)
    }
  }
}

import Detection
import Foundation
import Testing

/// Goldens from PyTorch and Ultralytics: `scripts/goldens/detection_loss.py`.
struct LossGolden: Decodable {
  struct Level: Decodable {
    var height: Int
    var width: Int
    var stride: Int
  }
  struct Target: Decodable {
    var classIndex: Int32
    var corners: [Float]
  }
  struct Case: Decodable, CustomTestStringConvertible {
    var name: String
    var batchSize: Int
    var classCount: Int
    var levels: [Level]
    var targets: [[Target]]
    var box: Float
    var classification: Float
    var distribution: Float
    var normalizer: Float
    /// [image, anchor, target, score]
    var positives: [[Float]]
    var classGradients: [[Float]]
    var boxGradients: [[Float]]

    var testDescription: String { name }
    var geometry: [LevelGeometry] {
      levels.map { LevelGeometry(height: $0.height, width: $0.width, stride: $0.stride) }
    }
    var boxTargets: [[BoxTarget]] {
      targets.map { image in
        image.map {
          BoxTarget(
            classIndex: $0.classIndex,
            corners: SIMD4($0.corners[0], $0.corners[1], $0.corners[2], $0.corners[3]))
        }
      }
    }
    func fixture() -> HeadFixture {
      HeadFixture(name: name, batchSize: batchSize, classCount: classCount, geometry: geometry)
    }
    func loss() -> DetectionLoss {
      DetectionLoss(batchSize: batchSize, classCount: classCount, geometry: geometry)
    }
  }
  var cases: [Case]

  static let all: [Case] = {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Goldens/detection-loss.json")
    // A test suite without its golden file should not pass.
    return try! JSONDecoder().decode(LossGolden.self, from: Data(contentsOf: url)).cases
  }()
}

/// |a − b| ≤ tolerance·max(|b|, floor).
func isClose(_ a: Float, _ b: Float, tolerance: Float, floor: Float = 1) -> Bool {
  abs(a - b) <= tolerance * max(abs(b), floor)
}

@Suite struct DetectionLossTests {
  @Test(arguments: LossGolden.all)
  func `parts and gradients equal the oracle`(golden: LossGolden.Case) {
    let fixture = golden.fixture()
    let parts = golden.loss().evaluate(
      levels: fixture.levels, targets: golden.boxTargets, gradientScale: 1)

    // Both sides add some hundred Float32 terms, each with a relative error of about 1e-7.
    #expect(isClose(parts.box, golden.box, tolerance: 1e-5))
    #expect(isClose(parts.classification, golden.classification, tolerance: 1e-5))
    #expect(isClose(parts.distribution, golden.distribution, tolerance: 1e-5))
    #expect(isClose(parts.normalizer, golden.normalizer, tolerance: 1e-5))
    #expect(parts.positives == golden.positives.count)

    for level in golden.levels.indices {
      let found = fixture.classGradients(level)
      #expect(found.count == golden.classGradients[level].count)
      for (a, b) in zip(found, golden.classGradients[level]) {
        #expect(isClose(a, b, tolerance: 1e-5, floor: 0.1))
      }
    }

    var expected = golden.geometry.map {
      [Float](repeating: 0, count: golden.batchSize * $0.cellCount * 64)
    }
    for (positive, gradients) in zip(golden.positives, golden.boxGradients) {
      var cell = Int(positive[1])
      var level = 0
      while cell >= golden.geometry[level].cellCount {
        cell -= golden.geometry[level].cellCount
        level += 1
      }
      let offset = (Int(positive[0]) * golden.geometry[level].cellCount + cell) * 64
      expected[level].replaceSubrange(offset..<(offset + 64), with: gradients)
    }
    for level in golden.levels.indices {
      for (a, b) in zip(fixture.boxGradients(level), expected[level]) {
        #expect(isClose(a, b, tolerance: 2e-5, floor: 0.05))
      }
    }
  }

  @Test(arguments: LossGolden.all)
  func `the gradient scale multiplies gradients and nothing else`(golden: LossGolden.Case) {
    let (one, eight) = (golden.fixture(), golden.fixture())
    let loss = golden.loss()
    let a = loss.evaluate(levels: one.levels, targets: golden.boxTargets, gradientScale: 1)
    let b = loss.evaluate(levels: eight.levels, targets: golden.boxTargets, gradientScale: 8)
    #expect(a == b)
    for level in golden.levels.indices {
      // A power of two only moves exponents: the same bits.
      #expect(one.boxGradients(level).map { $0 * 8 } == eight.boxGradients(level))
      #expect(one.classGradients(level).map { $0 * 8 } == eight.classGradients(level))
    }
  }

  @Test func `the same input gives the same bits, whatever was evaluated before`() {
    let golden = LossGolden.all[0]
    let (first, second) = (golden.fixture(), golden.fixture())
    let loss = golden.loss()
    let a = loss.evaluate(levels: first.levels, targets: golden.boxTargets, gradientScale: 2)
    _ = loss.evaluate(
      levels: second.levels, targets: golden.boxTargets.reversed(), gradientScale: 3)
    let b = loss.evaluate(levels: second.levels, targets: golden.boxTargets, gradientScale: 2)
    #expect(a == b)
    for level in golden.levels.indices {
      #expect(first.boxGradients(level) == second.boxGradients(level))
      #expect(first.classGradients(level) == second.classGradients(level))
    }
  }

  @Test func `targets filled in place are those of the lists`() {
    let golden = LossGolden.all[0]
    let (listed, filled) = (golden.fixture(), golden.fixture())
    let a = golden.loss().evaluate(
      levels: listed.levels, targets: golden.boxTargets, gradientScale: 1)
    let loss = golden.loss()
    for round in 0..<2 {
      // The first round leaves other targets behind.
      loss.targets.removeAll()
      for targets in golden.boxTargets {
        loss.targets.startImage()
        for target in targets.dropFirst(1 - round) { loss.targets.append(target) }
      }
      let b = loss.evaluate(levels: filled.levels, gradientScale: 1)
      #expect((a == b) == (round == 1))
    }
    for level in golden.levels.indices {
      #expect(listed.boxGradients(level) == filled.boxGradients(level))
    }
  }

  @Test func `more targets than planned are no error`() {
    let golden = LossGolden.all[0]
    let (wide, narrow) = (golden.fixture(), golden.fixture())
    let small = DetectionLoss(
      batchSize: golden.batchSize, classCount: golden.classCount, geometry: golden.geometry,
      maximumTargets: 1)
    let a = golden.loss().evaluate(
      levels: wide.levels, targets: golden.boxTargets, gradientScale: 1)
    let b = small.evaluate(levels: narrow.levels, targets: golden.boxTargets, gradientScale: 1)
    #expect(a == b)
  }

  @Test func `a box without area or with a corner that is no number changes nothing`() {
    let golden = LossGolden.all[1]
    let (plain, spoiled) = (golden.fixture(), golden.fixture())
    var targets = golden.boxTargets
    targets[0].append(BoxTarget(classIndex: 0, corners: SIMD4(10, 10, 10, 30)))
    targets[1].append(BoxTarget(classIndex: 0, corners: SIMD4(10, .nan, 40, 30)))
    let a = golden.loss().evaluate(
      levels: plain.levels, targets: golden.boxTargets, gradientScale: 1)
    let b = golden.loss().evaluate(levels: spoiled.levels, targets: targets, gradientScale: 1)
    #expect(a == b)
  }

  @Test func `logits that are no numbers give a loss that is none`() {
    let golden = LossGolden.all[1]
    let fixture = golden.fixture()
    fixture.levels[0].classes[7] = .nan
    let parts = golden.loss().evaluate(
      levels: fixture.levels, targets: golden.boxTargets, gradientScale: 1)
    #expect(parts.total.isNaN)
  }

  /// The whole loss in plain Double under fixed assignments, differenced in some logits.
  @Test func `gradients agree with finite differences of the plain loss`() {
    let golden = LossGolden.all[0]
    let fixture = golden.fixture()
    let assigner = TaskAlignedAssigner(
      geometry: golden.geometry, classCount: golden.classCount, maximumTargets: 8)
    var assignments: [Assignment] = []
    for image in 0..<golden.batchSize {
      assigner.assign(
        image: image, levels: fixture.levels, targets: golden.boxTargets[image], to: &assignments)
    }
    _ = golden.loss().evaluate(
      levels: fixture.levels, targets: golden.boxTargets, gradientScale: 1)
    let normalizer = max(assignments.reduce(0) { $0 + Double($1.score) }, 1)

    for assignment in assignments {
      let level = golden.geometry[assignment.level]
      let target = golden.boxTargets[assignment.image][assignment.target]
      let offset = (assignment.image * level.cellCount + assignment.cell) * 64
      let logits = (0..<64).map { Double(fixture.levels[assignment.level].boxes[offset + $0]) }
      let alpha = PlainLoss.aspectWeight(logits, assignment, level, target)
      func cost(_ logits: [Double]) -> Double {
        PlainLoss.boxCost(logits, assignment, level, target, alpha: alpha)
          * Double(assignment.score) / normalizer
      }
      for index in stride(from: assignment.cell % 7, to: 64, by: 7) {
        let step = 1e-4
        var (low, high) = (logits, logits)
        low[index] -= step
        high[index] += step
        let difference = (cost(high) - cost(low)) / (2 * step)
        let found = Double(fixture.levels[assignment.level].boxGradients[offset + index])
        // Float32 gradients against an O(step²) difference: both errors stay below 2e-6 here.
        #expect(abs(found - difference) < 2e-6 + 1e-5 * abs(difference))
      }
    }
  }

  @Test func `a batch of eight at 320 pixels costs a few milliseconds`() {
    let geometry = [(40, 8), (20, 16), (10, 32)].map {
      LevelGeometry(height: $0.0, width: $0.0, stride: $0.1)
    }
    let fixture = HeadFixture(name: "speed", batchSize: 8, classCount: 2, geometry: geometry)
    let targets: [[BoxTarget]] = (0..<8).map { image in
      (0..<20).map { index in
        let x = Float((index * 37 + image * 11) % 240)
        let y = Float((index * 53 + image * 29) % 200)
        return BoxTarget(
          classIndex: Int32(index % 2), corners: SIMD4(x, y, x + 60, y + 20 + Float(index * 5)))
      }
    }
    let loss = DetectionLoss(batchSize: 8, classCount: 2, geometry: geometry)
    var best = Duration.seconds(1)
    for _ in 0..<20 {
      best = min(
        best,
        ContinuousClock().measure {
          _ = loss.evaluate(levels: fixture.levels, targets: targets, gradientScale: 1)
        })
    }
    // Below 2 ms when measured alone (Zen 4); the bound leaves room for a busy machine.
    #expect(best < .milliseconds(20))
    if ProcessInfo.processInfo.environment["EDGEWISE_TIMINGS"] != nil { print("loss \(best)") }
  }
}

/// The box and distribution costs of one anchor in Double, written for the eye.
enum PlainLoss {
  static func softmax(_ x: ArraySlice<Double>) -> [Double] {
    let e = x.map { exp($0 - x.max()!) }
    return e.map { $0 / e.reduce(0, +) }
  }

  /// (box, wanted box), both as corners in cells.
  static func boxes(
    _ logits: [Double], _ assignment: Assignment, _ level: LevelGeometry, _ target: BoxTarget
  ) -> ([Double], [Double]) {
    let x = Double(assignment.cell % level.width) + 0.5
    let y = Double(assignment.cell / level.width) + 0.5
    let distances = (0..<4).map { side in
      softmax(logits[(side * 16)..<(side * 16 + 16)]).enumerated()
        .reduce(0) { $0 + Double($1.offset) * $1.element }
    }
    let wanted = (0..<4).map { Double(target.corners[$0]) / Double(level.stride) }
    return (
      [x - distances[0], y - distances[1], x + distances[2], y + distances[3]], wanted
    )
  }

  static func aspect(_ a: [Double], _ b: [Double]) -> Double {
    let difference = atan((b[2] - b[0]) / (b[3] - b[1])) - atan((a[2] - a[0]) / (a[3] - a[1]))
    return 4 / (Double.pi * Double.pi) * difference * difference
  }

  static func iou(_ a: [Double], _ b: [Double]) -> Double {
    let w = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    let h = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    let areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return w * h / (areas - w * h)
  }

  /// CIoU with its α given.
  static func completeIoU(_ a: [Double], _ b: [Double], alpha: Double) -> Double {
    let w = max(a[2], b[2]) - min(a[0], b[0])
    let h = max(a[3], b[3]) - min(a[1], b[1])
    let x = (a[0] + a[2] - b[0] - b[2]) / 2
    let y = (a[1] + a[3] - b[1] - b[3]) / 2
    return iou(a, b) - (x * x + y * y) / (w * w + h * h) - alpha * aspect(a, b)
  }

  static func aspectWeight(
    _ logits: [Double], _ assignment: Assignment, _ level: LevelGeometry, _ target: BoxTarget
  ) -> Double {
    let (a, b) = boxes(logits, assignment, level, target)
    let v = aspect(a, b)
    return v / (1 - iou(a, b) + v + 1e-7)
  }

  /// 7.5·(1 − CIoU) + 1.5·mean two-bin cross-entropy.
  static func boxCost(
    _ logits: [Double], _ assignment: Assignment, _ level: LevelGeometry, _ target: BoxTarget,
    alpha: Double
  ) -> Double {
    let (a, b) = boxes(logits, assignment, level, target)
    let x = Double(assignment.cell % level.width) + 0.5
    let y = Double(assignment.cell / level.width) + 0.5
    let wanted = [x - b[0], y - b[1], b[2] - x, b[3] - y]
    var distribution = 0.0
    for side in 0..<4 {
      let p = softmax(logits[(side * 16)..<(side * 16 + 16)])
      let distance = min(max(wanted[side], 0), 14.99)
      let left = Int(distance)
      let weight = Double(left + 1) - distance
      distribution -= (weight * log(p[left]) + (1 - weight) * log(p[left + 1])) / 4
    }
    return 7.5 * (1 - completeIoU(a, b, alpha: alpha)) + 1.5 * distribution
  }
}

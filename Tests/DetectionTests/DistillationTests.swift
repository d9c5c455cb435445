import Detection
import Foundation
import Tensors
import Testing

@Suite struct DistillationTests {
  private static let geometry = [
    LevelGeometry(height: 3, width: 2, stride: 8), LevelGeometry(height: 1, width: 1, stride: 16),
  ]
  private static let classCount = 3
  private static let batch = 2

  private final class Level {
    var boxes, classes, boxGradients, classGradients: [Float]
    let geometry: LevelGeometry

    init(_ geometry: LevelGeometry, _ random: inout Philox) {
      self.geometry = geometry
      let cells = geometry.cellCount * batch
      boxes = (0..<cells * 64).map { _ in random.uniform(-3, 3) }
      classes = (0..<cells * classCount).map { _ in random.uniform(-6, 2) }
      boxGradients = Array(repeating: 0.25, count: boxes.count)
      classGradients = Array(repeating: -0.5, count: classes.count)
    }
  }

  /// The definition, in Double.
  private func loss(_ student: [Level], _ teacher: [Level], _ gains: DistillationGains) -> Double {
    let T = Double(gains.temperature)
    func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
    func softmax(_ x: ArraySlice<Float>) -> [Double] {
      let e = x.map { exp(Double($0) / T) }
      return e.map { $0 / e.reduce(0, +) }
    }
    func divergence(_ p: [Double], _ q: [Double]) -> Double {
      zip(p, q).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) }
    }
    let K = Self.classCount
    var (confidence, classes, sides) = (0.0, 0.0, 0.0)
    for (s, t) in zip(student, teacher) {
      for anchor in 0..<t.classes.count / K {
        let c = sigmoid(Double(t.classes[anchor * K..<(anchor + 1) * K].max()!))
        confidence += c
        for i in anchor * K..<(anchor + 1) * K {
          let (p, q) = (sigmoid(Double(t.classes[i]) / T), sigmoid(Double(s.classes[i]) / T))
          classes += divergence([p, 1 - p], [q, 1 - q])
        }
        for side in 0..<4 {
          let bins = anchor * 64 + side * 16..<anchor * 64 + (side + 1) * 16
          sides += c / 4 * divergence(softmax(t.boxes[bins]), softmax(s.boxes[bins]))
        }
      }
    }
    let z = max(confidence, 1)
    return T * T / z
      * (Double(gains.classification) * classes + Double(gains.distribution) * sides)
  }

  private func run(_ student: [Level], _ teacher: [Level], _ gains: DistillationGains) -> Float {
    func heads<R>(_ levels: [Level], _ body: ([HeadLevel]) -> R) -> R {
      func open(_ index: Int, _ found: [HeadLevel]) -> R {
        guard index < levels.count else { return body(found) }
        let level = levels[index]
        return level.boxes.withUnsafeMutableBufferPointer { a in
          level.classes.withUnsafeMutableBufferPointer { b in
            level.boxGradients.withUnsafeMutableBufferPointer { c in
              level.classGradients.withUnsafeMutableBufferPointer { d in
                open(
                  index + 1,
                  found + [
                    HeadLevel(
                      boxes: a.baseAddress!, classes: b.baseAddress!,
                      boxGradients: c.baseAddress!, classGradients: d.baseAddress!,
                      height: level.geometry.height, width: level.geometry.width,
                      stride: level.geometry.stride)
                  ])
              }
            }
          }
        }
      }
      return open(0, [])
    }
    return heads(student) { s in
      heads(teacher) { t in
        let parts = addDistillation(
          levels: s, teacher: t.map(\.outputs), batchSize: Self.batch,
          classCount: Self.classCount, gains: gains, gradientScale: 2)
        return parts.classification + parts.distribution
      }
    }
  }

  @Test(arguments: [Float(1), 2, 0.5])
  func `value and gradient are those of the definition`(temperature: Float) {
    let gains = DistillationGains(
      classification: 0.7, distribution: 1.3, temperature: temperature)
    var random = Philox(seed: 4)
    let teacher = Self.geometry.map { Level($0, &random) }
    let student = Self.geometry.map { Level($0, &random) }
    let expected = loss(student, teacher, gains)
    // Some hundred terms, each good to a Float's last digits.
    #expect(abs(Double(run(student, teacher, gains)) - expected) <= 1e-5 * expected)
    for (index, level) in student.enumerated() {
      for i in stride(from: 0, to: level.boxes.count, by: 7) {
        check(index, \.boxes, \.boxGradients, i, start: 0.25)
      }
      for i in level.classes.indices { check(index, \.classes, \.classGradients, i, start: -0.5) }
    }
    func check(
      _ level: Int, _ logits: ReferenceWritableKeyPath<Level, [Float]>,
      _ gradients: KeyPath<Level, [Float]>, _ i: Int, start: Float
    ) {
      let h: Float = 1.0 / 128
      let middle = student[level][keyPath: logits][i]
      student[level][keyPath: logits][i] = middle + h
      let high = loss(student, teacher, gains)
      student[level][keyPath: logits][i] = middle - h
      let low = loss(student, teacher, gains)
      student[level][keyPath: logits][i] = middle
      let slope = (high - low) / Double(2 * h)
      let gradient = Double(student[level][keyPath: gradients][i] - start) / 2
      // Differences over 1/64 are good to h² of third derivatives below one.
      #expect(abs(gradient - slope) <= 1e-4, "\(level) \(i): \(gradient), \(slope)")
    }
  }

  @Test func `a student that equals its teacher loses nothing`() {
    var random = Philox(seed: 4)
    let teacher = Self.geometry.map { Level($0, &random) }
    random = Philox(seed: 4)
    let student = Self.geometry.map { Level($0, &random) }
    let value = run(
      student, teacher, DistillationGains(classification: 1, distribution: 1, temperature: 2))
    #expect(abs(value) < 1e-5)
    for level in student {
      #expect(level.boxGradients.allSatisfy { $0 == 0.25 })
      #expect(level.classGradients.allSatisfy { $0 == -0.5 })
    }
  }
}

import Detection
import Foundation
import Testing

@Suite struct DetectionDecoderTests {
  static let geometry = [
    LevelGeometry(height: 4, width: 6, stride: 8), LevelGeometry(height: 2, width: 3, stride: 16),
  ]

  static func outputs(_ fixture: HeadFixture) -> [HeadOutputs] { fixture.levels.map(\.outputs) }

  @Test func `boxes and scores agree with the plain formula, for the second image too`() {
    let fixture = HeadFixture(
      name: "decode", batchSize: 2, classCount: 3, geometry: Self.geometry)
    for image in 0..<2 {
      let found = decodeCandidates(
        levels: Self.outputs(fixture), image: image, classCount: 3, scoreThreshold: 0,
        isMultiLabel: true)
      #expect(found.count == (24 + 6) * 3)
      var index = 0
      for (number, level) in Self.geometry.enumerated() {
        for cell in 0..<level.cellCount {
          let position = image * level.cellCount + cell
          let logits = (0..<64).map { Double(fixture.levels[number].boxes[position * 64 + $0]) }
          let (box, _) = PlainLoss.boxes(
            logits, Assignment(image: image, level: number, cell: cell, target: 0, score: 0),
            level, BoxTarget(classIndex: 0, corners: .zero))
          for classIndex in 0..<3 {
            let x = Double(fixture.levels[number].classes[position * 3 + classIndex])
            #expect(abs(Double(found[index].score) - 1 / (1 + exp(-x))) < 1e-6)
            #expect(found[index].classIndex == Int32(classIndex))
            for corner in 0..<4 {
              let expected = box[corner] * Double(level.stride)
              #expect(abs(Double(found[index].corners[corner]) - expected) < 1e-4)
            }
            index += 1
          }
        }
      }
    }
  }

  @Test func `without multiple labels an anchor gives its best class only`() {
    let fixture = HeadFixture(
      name: "decode", batchSize: 1, classCount: 3, geometry: Self.geometry)
    let all = decodeCandidates(
      levels: Self.outputs(fixture), image: 0, classCount: 3, scoreThreshold: 0, isMultiLabel: true)
    let best = decodeCandidates(
      levels: Self.outputs(fixture), image: 0, classCount: 3, scoreThreshold: 0,
      isMultiLabel: false)
    #expect(best.count == 30)
    for (anchor, detection) in best.enumerated() {
      let scores = all[(anchor * 3)..<(anchor * 3 + 3)]
      #expect(detection == scores.max { $0.score < $1.score })
    }
  }

  @Test(arguments: [0.001, 0.25, 0.5, 0.9] as [Float])
  func `scores above the threshold and only those pass`(threshold: Float) {
    let fixture = HeadFixture(
      name: "decode", batchSize: 1, classCount: 3, geometry: Self.geometry)
    let all = decodeCandidates(
      levels: Self.outputs(fixture), image: 0, classCount: 3, scoreThreshold: 0, isMultiLabel: true)
    let found = decodeCandidates(
      levels: Self.outputs(fixture), image: 0, classCount: 3, scoreThreshold: threshold,
      isMultiLabel: true)
    #expect(found == all.filter { $0.score > threshold })
  }

  @Test func `decoding filters, suppresses and orders`() {
    let fixture = HeadFixture(
      name: "decode", batchSize: 1, classCount: 3, geometry: Self.geometry)
    let filter = DetectionFilter(
      scoreThreshold: 0.2, overlapThreshold: 0.3, maximumDetections: 7, isMultiLabel: true)
    let found = decodeDetections(
      levels: Self.outputs(fixture), image: 0, classCount: 3, filter: filter)
    #expect(found.count == 7)
    #expect(zip(found, found.dropFirst()).allSatisfy { $0.score >= $1.score })
    for a in found.indices {
      for b in found.indices where b < a && found[a].classIndex == found[b].classIndex {
        #expect(intersectionOverUnion(found[a].corners, found[b].corners) <= 0.3)
      }
    }
  }
}

@Suite struct NonMaximumSuppressionTests {
  static func detection(_ x: Float, _ score: Float, _ classIndex: Int32 = 0) -> Detection {
    Detection(corners: SIMD4(x, 0, x + 10, 10), score: score, classIndex: classIndex)
  }

  @Test func `a worse box is dropped only above the threshold and only in its class`() {
    // Boxes shifted by 1 of 10 pixels have IoU 9/11, by 5 have 5/15.
    let boxes = [
      Self.detection(1, 0.8), Self.detection(0, 0.9), Self.detection(1, 0.7, 1),
      Self.detection(5, 0.6),
    ]
    let kept = suppressNonMaxima(boxes, overlapThreshold: 0.5, maximumDetections: 300)
    #expect(kept == [boxes[1], boxes[2], boxes[3]])
    let all = suppressNonMaxima(boxes, overlapThreshold: 0.9, maximumDetections: 300)
    #expect(all == [boxes[1], boxes[0], boxes[2], boxes[3]])
  }

  @Test func `a dropped box drops no other`() {
    let chain = [Self.detection(0, 0.9), Self.detection(3, 0.8), Self.detection(6, 0.7)]
    let kept = suppressNonMaxima(chain, overlapThreshold: 0.5, maximumDetections: 300)
    #expect(kept == [chain[0], chain[2]])
  }

  @Test func `of equal scores the first is kept`() {
    let twins = [Self.detection(1, 0.5), Self.detection(0, 0.5)]
    #expect(suppressNonMaxima(twins, overlapThreshold: 0.5, maximumDetections: 9) == [twins[0]])
  }

  @Test func `no more than the maximum are kept`() {
    let apart = (0..<50).map { Self.detection(Float($0) * 20, Float($0) / 100) }
    let kept = suppressNonMaxima(apart, overlapThreshold: 0.5, maximumDetections: 5)
    #expect(kept == apart.suffix(5).reversed())
  }
}

/// COCO's evaluation of boxes, class by class.
///
/// In each picture the detections of a class, best first and at most 100, choose the free object
/// of greatest IoU that reaches the threshold; objects that are ignored (crowds, sizes outside the
/// range) are chosen only where no other fits, and then the detection is ignored too, as are those
/// outside the size range that found nothing. Precision is made non-increasing over the recall and
/// read at 101 recalls.
struct DetectionEvaluator {
  struct Object {
    var image: Int
    var box: COCOBox
    var area: Double
    var isCrowd: Bool
    /// False for an annotation of id 0, which pycocotools takes for "not matched".
    var countsWhenFound: Bool
  }

  struct Found {
    var image: Int
    var box: COCOBox
    var score: Double
  }

  /// Everything of one class; the order within an image decides ties.
  struct ClassBoxes {
    var id: Int64
    var name: String
    var objects: [Object]
    var found: [Found]
  }

  /// 0.50, 0.55, …, 0.95, computed as start + i·step.
  static let overlapThresholds = (0..<10).map { 0.5 + Double($0) * ((0.95 - 0.5) / 9) }
  /// 0, 0.01, …, 1.
  static let recalls = (0..<101).map { Double($0) * 0.01 }
  /// All, small, medium, large: square pixels, both ends inclusive.
  static let areaRanges: [ClosedRange<Double>] = [
    0...1e10, 0...1024, 1024...9216, 9216...1e10,
  ]
  static let detectionLimits = [1, 10, 100]
  /// Confidences at which F1 is looked at: 0, 0.001, …, 0.999.
  private static let confidenceCount = 1000

  func metrics(classes: [ClassBoxes]) -> DetectionMetrics {
    let curves = classes.map { ClassCurves($0) }

    func precision(thresholds: Range<Int>, area: Int) -> Double {
      mean(curves.flatMap { $0.precision(thresholds: thresholds, area: area) })
    }
    func recall(area: Int, limit: Int) -> Double {
      mean(curves.flatMap { $0.recall(area: area, limit: limit) })
    }
    return DetectionMetrics(
      AP: precision(thresholds: 0..<10, area: 0),
      AP50: precision(thresholds: 0..<1, area: 0),
      AP75: precision(thresholds: 5..<6, area: 0),
      APsmall: precision(thresholds: 0..<10, area: 1),
      APmedium: precision(thresholds: 0..<10, area: 2),
      APlarge: precision(thresholds: 0..<10, area: 3),
      AR1: recall(area: 0, limit: 0), AR10: recall(area: 0, limit: 1),
      AR100: recall(area: 0, limit: 2), ARsmall: recall(area: 1, limit: 2),
      ARmedium: recall(area: 2, limit: 2), ARlarge: recall(area: 3, limit: 2),
      bestF1: bestOperatingPoint(curves),
      classes: zip(classes, curves).map { boxes, curve in
        DetectionMetrics.ClassMetrics(
          id: boxes.id, name: boxes.name,
          AP: mean(curve.precision(thresholds: 0..<10, area: 0)),
          AP50: mean(curve.precision(thresholds: 0..<1, area: 0)),
          AR100: mean(curve.recall(area: 0, limit: 2)), objectCount: curve.objectCounts[0])
      })
  }

  /// The confidence, of 0, 0.001, …, that gives the greatest mean F1; of equal ones the lowest.
  private func bestOperatingPoint(_ curves: [ClassCurves]) -> DetectionMetrics.OperatingPoint {
    let judged = curves.filter { $0.objectCounts[0] > 0 }
    guard !judged.isEmpty else {
      return .init(confidence: -1, precision: -1, recall: -1, F1: -1)
    }
    var sums = [SIMD4<Double>](repeating: .zero, count: Self.confidenceCount)
    for curve in judged {
      let scored = curve.scoredResults()
      var next = scored.count
      var (right, wrong) = (0, 0)
      for (_, isRight) in scored { if isRight { right += 1 } else { wrong += 1 } }
      for index in 0..<Self.confidenceCount {
        let confidence = Double(index) / Double(Self.confidenceCount)
        // Scores fall along the list: what is below the confidence leaves at the end.
        while next > 0 && scored[next - 1].score < confidence {
          next -= 1
          if scored[next].isRight { right -= 1 } else { wrong -= 1 }
        }
        let precision = right + wrong == 0 ? 1 : Double(right) / Double(right + wrong)
        let recall = Double(right) / Double(curve.objectCounts[0])
        let sum = precision + recall
        sums[index] += SIMD4(precision, recall, sum > 0 ? 2 * precision * recall / sum : 0, 0)
      }
    }
    var best = 0
    for index in 1..<Self.confidenceCount where sums[index].z > sums[best].z { best = index }
    let means = sums[best] / Double(judged.count)
    return .init(
      confidence: Double(best) / Double(Self.confidenceCount), precision: means.x,
      recall: means.y, F1: means.z)
  }

  private func mean(_ values: [Double]) -> Double {
    values.isEmpty ? -1 : values.reduce(0, +) / Double(values.count)
  }
}

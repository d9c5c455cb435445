/// A found object.
///
/// *Units:* `corners` are (left, top, right, bottom) in pixels; of the network's input when they
/// come from the decoder. `score` is a probability.
public struct Detection: Hashable, Sendable {
  public var corners: SIMD4<Float>
  public var score: Float
  public var classIndex: Int32

  public init(corners: SIMD4<Float>, score: Float, classIndex: Int32) {
    self.corners = corners
    self.score = score
    self.classIndex = classIndex
  }
}

/// Which boxes of a head become detections.
public struct DetectionFilter: Hashable, Sendable, Codable {
  /// A score must be greater than this.
  public var scoreThreshold: Float
  /// A box that overlaps a better one of its class by more than this IoU is dropped.
  public var overlapThreshold: Float
  /// The most detections of one picture; the best are kept.
  public var maximumDetections: Int
  /// The most boxes of one picture that enter suppression; the best are kept.
  public var maximumCandidates: Int
  /// Whether an anchor gives one detection for every class above the threshold, or for its best.
  public var isMultiLabel: Bool

  public init(
    scoreThreshold: Float, overlapThreshold: Float = 0.7, maximumDetections: Int = 300,
    maximumCandidates: Int = 30_000, isMultiLabel: Bool = false
  ) {
    self.scoreThreshold = scoreThreshold
    self.overlapThreshold = overlapThreshold
    self.maximumDetections = maximumDetections
    self.maximumCandidates = maximumCandidates
    self.isMultiLabel = isMultiLabel
  }

  /// For metrics: nearly everything, so that the whole precision-recall curve is seen.
  public static let evaluation = DetectionFilter(scoreThreshold: 0.001, isMultiLabel: true)
  /// For people to look at.
  public static let prediction = DetectionFilter(scoreThreshold: 0.25)
}

/// What a set of detections is worth against a ground truth, in COCO's numbers.
///
/// A number is in [0, 1], or −1 where the ground truth has nothing to find. Small objects have an
/// area up to 32² pixels, medium up to 96², large above.
public struct DetectionMetrics: Codable, Hashable, Sendable {
  /// Mean average precision over the IoU thresholds 0.50, 0.55, …, 0.95.
  public var AP: Double
  /// At the IoU threshold 0.50 alone.
  public var AP50: Double
  /// At the IoU threshold 0.75 alone.
  public var AP75: Double
  public var APsmall: Double
  public var APmedium: Double
  public var APlarge: Double
  /// Mean recall over the thresholds, with at most 1 detection per picture and class.
  public var AR1: Double
  /// With at most 10.
  public var AR10: Double
  /// With at most 100.
  public var AR100: Double
  public var ARsmall: Double
  public var ARmedium: Double
  public var ARlarge: Double
  /// Where the mean F1 over the classes is greatest, at IoU 0.50.
  public var bestF1: OperatingPoint
  /// In the order of the class ids.
  public var classes: [ClassMetrics]

  /// Precision and recall, averaged over the classes, if scores from `confidence` on count.
  public struct OperatingPoint: Codable, Hashable, Sendable {
    public var confidence: Double
    public var precision: Double
    public var recall: Double
    public var F1: Double
  }

  public struct ClassMetrics: Codable, Hashable, Sendable {
    public var id: Int64
    public var name: String
    public var AP: Double
    public var AP50: Double
    public var AR100: Double
    /// Objects in the ground truth that count.
    public var objectCount: Int
  }

  /// The twelve numbers in the order of COCO's summary.
  public var summary: [Double] {
    [
      AP, AP50, AP75, APsmall, APmedium, APlarge, AR1, AR10, AR100, ARsmall, ARmedium, ARlarge,
    ]
  }
}

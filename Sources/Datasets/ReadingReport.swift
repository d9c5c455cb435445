/// What a reader found in a split: which images have labels, what the rows were, what was passed
/// over. Says the same for the same files, wherever they lie but for `examples`.
public struct ReadingReport: Hashable, Sendable, Codable {
  /// Something that was seen several times.
  public struct Finding: Hashable, Sendable, Codable {
    /// For `passedOver` the kind of file (`.heic`), else a phrase in the plural: "label files without an image".
    public var what: String
    public var count: Int
    /// The first three, as paths.
    public var examples: [String]

    public init(what: String, count: Int = 0, examples: [String] = []) {
      self.what = what
      self.count = count
      self.examples = examples
    }
  }

  /// Images with a box that can be trained on.
  public var withBoxes = 0
  /// Images whose label file is there and empty; for COCO those without an annotation, which is how
  /// the format says that there is nothing.
  public var emptyLabels = 0
  /// Images without a label file.
  public var withoutLabels = 0
  /// Images with labels of which no box is left: all were dropped, or are regions to ignore.
  public var allDropped = 0
  /// Rows or annotations that were boxes.
  public var boxRows = 0
  /// Rows that were polygons, of which the bounding box was taken.
  public var polygonRows = 0
  /// Files that are no images that are read, by kind.
  public var passedOver: [Finding] = []
  /// What is odd and not refused.
  public var findings: [Finding] = []

  public init() {}

  /// How many images the report is about.
  public var imageCount: Int { withBoxes + emptyLabels + withoutLabels + allDropped }

  /// Counts one more of `what`.
  mutating func find(_ what: String, _ example: String, count: Int = 1) {
    Self.add(what, example, count: count, to: &findings)
  }

  mutating func passOver(_ kind: String, _ example: String) {
    Self.add(kind, example, count: 1, to: &passedOver)
  }

  private static func add(
    _ what: String, _ example: String, count: Int, to findings: inout [Finding]
  ) {
    let index = findings.firstIndex { $0.what == what } ?? findings.count
    if index == findings.count { findings.append(Finding(what: what)) }
    findings[index].count += count
    if findings[index].examples.count < 3 { findings[index].examples.append(example) }
  }

  /// One line of numbers without paths, e.g. for a checkpoint.
  public var summary: String {
    var parts = ["\(withBoxes) with boxes", "\(emptyLabels) with an empty label"]
    parts.append("\(withoutLabels) without a label file")
    if allDropped > 0 { parts.append("\(allDropped) whose boxes were all dropped") }
    var text =
      "\(imageCount) image\(imageCount == 1 ? "" : "s"): " + parts.joined(separator: ", ")
      + "; \(boxRows) box\(boxRows == 1 ? "" : "es"), \(polygonRows) polygon"
      + (polygonRows == 1 ? "" : "s")
    if !passedOver.isEmpty {
      text += "; passed over " + passedOver.map { "\($0.count) \($0.what)" }.joined(separator: ", ")
    }
    if !findings.isEmpty {
      text += "; " + findings.map { "\($0.what): \($0.count)" }.joined(separator: ", ")
    }
    return text
  }

  /// A few short lines for people, with examples.
  public var lines: [String] {
    var brief = self
    (brief.passedOver, brief.findings) = ([], [])
    var lines = [brief.summary]
    if !passedOver.isEmpty {
      lines.append(
        "passed over: "
          + passedOver.map { Self.text("\($0.count) \($0.what)", $0) }
          .joined(separator: "; "))
    }
    return lines + findings.map { Self.text("\($0.what): \($0.count)", $0) }
  }

  private static func text(_ phrase: String, _ finding: Finding) -> String {
    let rest = finding.count > finding.examples.count ? ", …" : ""
    return finding.examples.isEmpty
      ? phrase : "\(phrase) (\(finding.examples.joined(separator: ", "))\(rest))"
  }
}

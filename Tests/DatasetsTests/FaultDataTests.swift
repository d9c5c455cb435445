import Datasets
import Testing

/// Small data sets that were once read wrongly.
@Suite(.enabled(if: TestData.exists("faults"), "../shared/data/faults is not there"))
struct FaultDataTests {
  /// All that is refused or skipped of both splits, and what was read of the training split.
  private func read(_ name: String) throws -> (refused: String, training: Dataset?) {
    let source = DataSource(format: .yolo, root: TestData.path("faults/\(name)"))
    do throws(DataError) {
      let training = try source.readAll(.train)
      let validation = try source.readAll(.validation)
      let refusals = Dataset.refusals(training: training, validation: validation, source: source)
      let bad = training.skipped.filter { $0.kind == .skipped }.map { "\($0.place): \($0.reason)" }
      return ((refusals.map(\.description) + bad).joined(separator: "\n"), training)
    } catch {
      return (error.description, nil)
    }
  }

  @Test(arguments: [
    ("01", "label files of unlabelled images"), ("03/a-all-pixels", "looks like pixels"),
    ("03/b-one-file-pixels", "looks like pixels"),
    ("04/a-4-keypoints-with-visibility", "pose labels"), ("04/c-confidence", ".txt:1: 6 columns"),
    ("25/b-kinds", "kind-webp.webp"), ("26/a-gbk", "not UTF-8"),
  ])
  func `What is read wrongly is refused by name`(name: String, cause: String) throws {
    #expect(try read(name).refused.contains(cause))
  }

  @Test(arguments: [
    ("02", 0), ("03/d-a-bit-over", 0), ("22", 0), ("25/c-unseen-kinds", 1), ("25/f-same-stem", 1),
    ("25/g-orphan-labels", 1), ("26/c-bom-crlf", 0), ("26/e-names", 0),
  ])
  func `What is right is read`(name: String, findings: Int) throws {
    let (refused, training) = try read(name)
    #expect(refused.isEmpty)
    let report = try #require(training).report
    #expect(report.withBoxes > 0)
    #expect(report.findings.count + report.passedOver.count >= findings)
  }

  @Test(arguments: ["21/train.json", "21/all-zero.json", "06/a-backslash/train.json"])
  func `COCO files that are only odd are read`(name: String) throws {
    let parts = name.split(separator: "/").map(String.init)
    let source = DataSource(
      format: .coco,
      root: TestData.path("faults/" + parts.dropLast().joined(separator: "/")),
      train: parts.last, images: parts[0] == "21" ? "images" : nil)
    let dataset = try source.read(.train)
    #expect(dataset.samples.count == 4 && !dataset.report.findings.isEmpty)
    #expect(dataset.skipped.isEmpty)
  }

  @Test(arguments: ["nc-sexagesimal", "alias-as-key"])
  func `Hostile YAML is refused in a sentence`(name: String) throws {
    #expect {
      try DataSource(format: .yolo, root: TestData.path("faults/text/\(name).data.yaml"))
        .read(.train)
    } throws: { "\($0)".contains(name) && ($0 is DataError) }
  }
}

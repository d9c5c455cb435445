import Detection
import Foundation
import Testing

/// The folder of real data sets, if this machine has it.
enum TestData {
  static let folder: URL? = {
    let path =
      ProcessInfo.processInfo.environment["EDGEWISE_TEST_DATA"]
      ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../shared/data").standardized.path
    let folder = URL(fileURLWithPath: path).appendingPathComponent("cocoapi-eval")
    return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
  }()

  static let goldens = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Goldens")
}

@Suite struct COCOEvaluatorTests {
  struct Expected: Decodable {
    var summary: [Double]
    /// [id, AP, AP50]
    var classes: [[Double]]
  }

  /// `scripts/goldens/coco_metrics.py` made the files.
  @Test func `hard boxes get pycocotools' numbers`() throws {
    let truth = try COCOGroundTruth(
      contentsOf: TestData.goldens.appendingPathComponent("coco-truth.json"))
    let found = try COCODetections(
      contentsOf: TestData.goldens.appendingPathComponent("coco-found.json"))
    let expected = try JSONDecoder().decode(
      Expected.self,
      from: Data(contentsOf: TestData.goldens.appendingPathComponent("coco-expected.json")))
    let metrics = try evaluate(found, against: truth)
    for (a, b) in zip(metrics.summary, expected.summary) { #expect(abs(a - b) < 1e-12) }
    #expect(metrics.classes.map(\.id) == expected.classes.map { Int64($0[0]) })
    for (a, b) in zip(metrics.classes, expected.classes) {
      #expect(abs(a.AP - b[1]) < 1e-12)
      #expect(abs(a.AP50 - b[2]) < 1e-12)
    }
  }

  @Test(.enabled(if: TestData.folder != nil))
  func `the COCO example gets pycocotools' numbers`() throws {
    let folder = try #require(TestData.folder)
    let truth = try COCOGroundTruth(
      contentsOf: folder.appendingPathComponent("gt/instances_val2014_100.json"))
    let found = try COCODetections(
      contentsOf: folder.appendingPathComponent(
        "results/instances_val2014_fakebbox100_results.json"))
    let expected = try JSONDecoder().decode(
      [String: [Double]].self,
      from: Data(contentsOf: folder.appendingPathComponent("expected_pycocotools.json")))
    let numbers = try #require(expected["val2014_100/bbox"])
    let metrics = try evaluate(found, against: truth)
    #expect(numbers.count == 12)
    // The expected numbers have six decimals.
    for (a, b) in zip(metrics.summary, numbers) { #expect(abs(a - b) < 1e-6) }
  }

  @Test func `metrics survive a round trip through JSON`() throws {
    let truth = try COCOGroundTruth(
      contentsOf: TestData.goldens.appendingPathComponent("coco-truth.json"))
    let found = try COCODetections(
      contentsOf: TestData.goldens.appendingPathComponent("coco-found.json"))
    let metrics = try evaluate(found, against: truth)
    let data = try JSONEncoder().encode(metrics)
    #expect(try JSONDecoder().decode(DetectionMetrics.self, from: data) == metrics)
    let object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    let AP50 = try #require(object["AP50"] as? Double)
    #expect(abs(AP50 - metrics.AP50) < 1e-12)
  }

  @Test func `no detections score zero and no objects score minus one`() throws {
    let truth = try COCOGroundTruth(
      contentsOf: TestData.goldens.appendingPathComponent("coco-truth.json"))
    let nothing = try COCODetections(data: Data("[]".utf8), file: "nothing.json")
    let metrics = try evaluate(nothing, against: truth)
    #expect(metrics.summary.allSatisfy { $0 == 0 })
    let empty = evaluate([EvaluatedImage(truths: [], detections: [])], classNames: ["a"])
    #expect(empty.summary.allSatisfy { $0 == -1 })
    #expect(empty.bestF1.precision == -1)
  }

  /// Ten objects 100 pixels apart, each of 50 × 50 pixels.
  static func row(_ detections: [Detection], ignored: Set<Int> = []) -> EvaluatedImage {
    EvaluatedImage(
      truths: (0..<10).map {
        EvaluatedImage.Truth(
          target: BoxTarget(classIndex: 0, corners: corners($0)), isIgnored: ignored.contains($0))
      }, detections: detections)
  }

  static func corners(_ index: Int) -> SIMD4<Float> {
    SIMD4(Float(index) * 100, 0, Float(index) * 100 + 50, 50)
  }

  static func detection(_ index: Int, _ score: Float) -> Detection {
    Detection(corners: corners(index), score: score, classIndex: 0)
  }

  @Test func `perfect detections in memory score one`() {
    let metrics = evaluate(
      [Self.row((0..<10).map { Self.detection($0, 0.9) })], classNames: ["thing", "unseen"])
    #expect(metrics.AP == 1 && metrics.AP50 == 1 && metrics.APmedium == 1)
    #expect(metrics.APsmall == -1 && metrics.ARlarge == -1)
    // The mean of ten equal numbers is rounded.
    #expect(abs(metrics.AR1 - 0.1) < 1e-12 && metrics.AR10 == 1)
    #expect(metrics.classes.map(\.AP) == [1, -1])
    #expect(metrics.classes.map(\.objectCount) == [10, 0])
    #expect(metrics.bestF1.precision == 1 && metrics.bestF1.recall == 1)
  }

  @Test func `precision and recall are those at the best F1`() {
    // Eight right ones from 0.8 up, then many wrong ones at 0.3, then the last two right ones.
    var detections = (0..<8).map { Self.detection($0, 0.8) }
    detections += (0..<20).map {
      Detection(
        corners: SIMD4(Float($0), 200, Float($0) + 9, 209), score: 0.3, classIndex: 0)
    }
    detections += [Self.detection(8, 0.1), Self.detection(9, 0.1)]
    let metrics = evaluate([Self.row(detections)], classNames: ["thing"])
    #expect(metrics.bestF1.precision == 1)
    #expect(metrics.bestF1.recall == 0.8)
    // The lowest confidence that leaves the wrong ones out.
    #expect(metrics.bestF1.confidence == 0.301)
  }

  @Test func `what lies in an ignored region counts neither way`() {
    let detections = (0..<10).map { Self.detection($0, 0.9) } + [Self.detection(3, 0.95)]
    let metrics = evaluate([Self.row(detections, ignored: [3])], classNames: ["thing"])
    #expect(metrics.AP == 1)
    #expect(metrics.classes[0].objectCount == 9)
  }
}

@Suite struct COCOFilesTests {
  static func sentence(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  static func truth(_ text: String) -> String {
    sentence { _ = try COCOGroundTruth(data: Data(text.utf8), file: "gt.json") }
  }

  static func found(_ text: String) -> String {
    sentence { _ = try COCODetections(data: Data(text.utf8), file: "dt.json") }
  }

  @Test func `whole ids are read exactly`() throws {
    let text = """
      {"images": [{"id": 9223372036854775807}], "categories": [{"id": 1, "name": "a"}],
      "annotations": [{"id": 9007199254740993, "image_id": 9223372036854775807,
      "category_id": 1, "bbox": [1, 2, 3.5, 4]}]}
      """
    let truth = try COCOGroundTruth(data: Data(text.utf8), file: "gt.json")
    #expect(truth.images[0].id == .max)
    #expect(truth.annotations[0].id == 9_007_199_254_740_993)
    #expect(truth.annotations[0].area == 14 && !truth.annotations[0].isCrowd)
  }

  @Test func `bad entries end in one sentence that names file and entry`() {
    #expect(
      Self.found(#"[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}]"#)
        == #"dt.json: [0] has no "score"."#)
    #expect(
      Self.found(#"[{"image_id": "1", "category_id": 1, "bbox": [0, 0, 1, 1], "score": 1}]"#)
        == "dt.json: [0].image_id is not a whole number.")
    #expect(
      Self.found(#"[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1], "score": 1}]"#)
        == "dt.json: [0].bbox is [0.0, 0.0, 1.0], "
        + "expected [left, top, width, height] with width and height ≥ 0.")
    #expect(
      Self.truth(
        #"{"images": [{"id": 1}], "categories": [{"id": 0, "name": "a"}], "annotations": "#
          + #"[{"id": 1, "image_id": 1, "category_id": 2, "bbox": [0, 0, 1, 1]}]}"#)
        == "gt.json: annotations[0] refers to category 2, which the ground truth does not have.")
    #expect(
      Self.truth(#"{"images": [{"id": 1}, {"id": 1}], "categories": [], "annotations": []}"#)
        == "gt.json: images[1] repeats the id 1; ids must differ within a list.")
    #expect(Self.truth(#"{"images": []}"#) == #"gt.json: the top level has no "categories"."#)
    #expect(
      Self.found(#"{"images": []}"#).hasPrefix("dt.json: the top level is not "))
    for text in ["", "[", #"[{"image_id": 1"#, "nonsense", "[1, 2"] {
      let message = Self.found(text)
      #expect(message.hasPrefix("dt.json is not valid JSON: "))
      #expect(!message.contains("\n") && message.hasSuffix("."))
    }
  }

  @Test func `a missing file is named`() {
    let url = URL(fileURLWithPath: "/nowhere/gt.json")
    #expect(
      Self.sentence { _ = try COCOGroundTruth(contentsOf: url) }
        == "/nowhere/gt.json cannot be read (there is no such file); "
        + "give the path of a COCO JSON file.")
  }

  @Test func `a detection in a picture that is not there is named`() throws {
    let truth = try COCOGroundTruth(
      data: Data(#"{"images": [{"id": 1}], "categories": [], "annotations": []}"#.utf8),
      file: "gt.json")
    let found = try COCODetections(
      data: Data(#"[{"image_id": 7, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 1}]"#.utf8),
      file: "dt.json")
    #expect(
      Self.sentence { _ = try evaluate(found, against: truth) }
        == "dt.json: [0] refers to image 7, which the ground truth does not have.")
  }
}

import Checkpoints
import Datasets

extension TrainingData {
  /// What a checkpoint says of the data, in its `state.data`.
  var json: JSONValue {
    .object(Dictionary(uniqueKeysWithValues: splits.map { ($0.split, $0.facts.summary.json) }))
  }

  /// Both splits by their names in sentences and checkpoints.
  var splits: [(split: String, facts: DatasetFacts)] {
    [("training", trainingFacts), ("validation", validationFacts)]
  }
}

extension DatasetSummary {
  var json: JSONValue {
    [
      "fingerprint": .string(fingerprint), "classes": .array(classNames.map { .string($0) }),
      "images": .integer(imageCount), "boxes": .integer(boxCount), "blocks": .string(blocks),
    ]
  }

  /// - Returns: `nil` where a key is missing or of another kind, or the fingerprint is one that this
  ///   program does not compute.
  init?(comparable json: JSONValue?) {
    guard let json, let fingerprint = json["fingerprint"]?.string,
      let classes = json["classes"]?.array, let images = json["images"]?.int, images >= 0,
      let boxes = json["boxes"]?.int, boxes >= 0, let blocks = json["blocks"]?.string
    else { return nil }
    self.init(
      fingerprint: fingerprint, classNames: classes.map { $0.string ?? "" }, imageCount: images,
      boxCount: boxes, blocks: blocks)
    guard isComparable else { return nil }
  }
}

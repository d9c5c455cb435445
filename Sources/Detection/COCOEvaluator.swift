import Foundation

/// Scores a COCO result file against a ground truth; equal to pycocotools (`iouType` `bbox`).
///
/// As there: an annotation with the id 0 can be taken but its detection is not counted as right;
/// detections of categories that the ground truth does not have are passed over.
/// - Throws: `COCOError.unknownReference` if a detection names an image that is not there.
public func evaluate(
  _ detections: COCODetections, against truth: COCOGroundTruth
) throws(COCOError) -> DetectionMetrics {
  let imageIDs = truth.images.map(\.id).sorted()
  let categories = truth.categories.sorted { $0.id < $1.id }
  let imageIndex = Dictionary(
    uniqueKeysWithValues: imageIDs.enumerated().map { ($0.element, $0.offset) })
  let categoryIndex = Dictionary(
    uniqueKeysWithValues: categories.enumerated().map { ($0.element.id, $0.offset) })

  var objects = [[DetectionEvaluator.Object]](repeating: [], count: categories.count)
  for annotation in truth.annotations {
    guard let category = categoryIndex[annotation.categoryID],
      let image = imageIndex[annotation.imageID]
    else { continue }
    objects[category].append(
      DetectionEvaluator.Object(
        image: image, box: annotation.box, area: annotation.area, isCrowd: annotation.isCrowd,
        countsWhenFound: annotation.id != 0))
  }
  var found = [[DetectionEvaluator.Found]](repeating: [], count: categories.count)
  for (index, entry) in detections.entries.enumerated() {
    guard let image = imageIndex[entry.imageID] else {
      throw .unknownReference(
        file: detections.file, entry: "[\(index)]", kind: "image", id: entry.imageID)
    }
    guard let category = categoryIndex[entry.categoryID] else { continue }
    found[category].append(
      DetectionEvaluator.Found(image: image, box: entry.box, score: entry.score))
  }
  return DetectionEvaluator().metrics(
    classes: categories.enumerated().map { index, category in
      DetectionEvaluator.ClassBoxes(
        id: category.id, name: category.name, objects: objects[index], found: found[index])
    })
}

/// A picture of a validation set: what it shows and what was found.
///
/// *Units:* corners in pixels; of the picture itself, if small and large are to mean what they mean
/// in COCO.
public struct EvaluatedImage: Sendable {
  public struct Truth: Sendable {
    public var target: BoxTarget
    /// A region that is not judged: detections in it count neither as right nor as wrong.
    public var isIgnored: Bool

    public init(target: BoxTarget, isIgnored: Bool = false) {
      self.target = target
      self.isIgnored = isIgnored
    }
  }

  public var truths: [Truth]
  public var detections: [Detection]

  public init(truths: [Truth], detections: [Detection]) {
    self.truths = truths
    self.detections = detections
  }
}

/// COCO's metrics for pictures in memory. The id of a class is its index in `classNames`.
public func evaluate(_ images: [EvaluatedImage], classNames: [String]) -> DetectionMetrics {
  var classes = classNames.enumerated().map { index, name in
    DetectionEvaluator.ClassBoxes(id: Int64(index), name: name, objects: [], found: [])
  }
  for (number, image) in images.enumerated() {
    for truth in image.truths {
      let index = Int(truth.target.classIndex)
      precondition(classes.indices.contains(index), "class \(index) of \(classes.count)")
      let box = COCOBox(corners: truth.target.corners)
      classes[index].objects.append(
        DetectionEvaluator.Object(
          image: number, box: box, area: box.area, isCrowd: truth.isIgnored,
          countsWhenFound: true))
    }
    for detection in image.detections {
      let index = Int(detection.classIndex)
      precondition(classes.indices.contains(index), "class \(index) of \(classes.count)")
      classes[index].found.append(
        DetectionEvaluator.Found(
          image: number, box: COCOBox(corners: detection.corners),
          score: Double(detection.score)))
    }
  }
  return DetectionEvaluator().metrics(classes: classes)
}

extension COCOBox {
  fileprivate init(corners: SIMD4<Float>) {
    self.init(
      left: Double(corners.x), top: Double(corners.y),
      width: Double(corners.z) - Double(corners.x), height: Double(corners.w) - Double(corners.y))
  }
}

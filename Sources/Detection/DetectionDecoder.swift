import Foundation

/// The detections of one image from the logits of a head.
///
/// A box is its anchor's centre and the four expected distances, in pixels of the input; a score is
/// sigmoid(class logit). Boxes that `filter` lets through go through non-maximum suppression.
/// The result is ordered best first, and of equal scores by anchor, then class.
///
/// - Parameter image: which of the N images in `levels`.
public func decodeDetections(
  levels: [HeadOutputs], image: Int, classCount: Int, filter: DetectionFilter
) -> [DetectedBox] {
  let candidates = decodeCandidates(
    levels: levels, image: image, classCount: classCount, scoreThreshold: filter.scoreThreshold,
    isMultiLabel: filter.isMultiLabel)
  return suppressNonMaxima(
    candidates, order: descendingOrder(of: candidates).prefix(filter.maximumCandidates),
    overlapThreshold: filter.overlapThreshold, maximumDetections: filter.maximumDetections)
}

/// The boxes of one image whose score is above `scoreThreshold`, in order of anchor, then class.
public func decodeCandidates(
  levels: [HeadOutputs], image: Int, classCount: Int, scoreThreshold: Float, isMultiLabel: Bool
) -> [DetectedBox] {
  precondition(image >= 0 && classCount > 0, "image \(image), \(classCount) classes")
  // A logit is compared instead of its score; the sigmoid is only taken where it is needed.
  // A little below the threshold, because both roundings are not the same.
  let threshold =
    scoreThreshold <= 0
    ? -Float.infinity : log(scoreThreshold / max(1 - scoreThreshold, 1e-12)) - 1e-3
  var candidates: [DetectedBox] = []
  for level in levels {
    let geometry = level.geometry
    for cell in 0..<geometry.cellCount {
      let position = image * geometry.cellCount + cell
      let logits = level.classes + position * classCount
      var corners: SIMD4<Float>?
      func append(_ index: Int) {
        let score = 1 / (1 + exp(-logits[index]))
        guard score > scoreThreshold else { return }
        let box =
          corners
          ?? decodedCorners(
            logits: level.boxes + position * BoxEncoding.channelCount,
            row: cell / geometry.width, column: cell % geometry.width) * Float(geometry.stride)
        corners = box
        // No box: weights so large that sums overflow can do that.
        guard box[0].isFinite, box[1].isFinite, box[2].isFinite, box[3].isFinite else { return }
        candidates.append(DetectedBox(corners: box, score: score, classIndex: Int32(index)))
      }
      if isMultiLabel {
        for index in 0..<classCount where logits[index] > threshold { append(index) }
      } else {
        var best = 0
        for index in 1..<max(classCount, 1) where logits[index] > logits[best] { best = index }
        if logits[best] > threshold { append(best) }
      }
    }
  }
  return candidates
}

/// The box of one anchor in cells of its level, from its 64 box logits.
@inline(__always)
package func decodedCorners(logits: UnsafePointer<Float>, row: Int, column: Int) -> SIMD4<Float> {
  let bins = BoxEncoding.binCount
  let x = Float(column) + 0.5
  let y = Float(row) + 0.5
  return SIMD4(
    x - SideDistribution.distance(logits: logits),
    y - SideDistribution.distance(logits: logits + bins),
    x + SideDistribution.distance(logits: logits + 2 * bins),
    y + SideDistribution.distance(logits: logits + 3 * bins))
}

/// The factors of the three parts of the loss.
public struct LossGains: Hashable, Sendable, Codable {
  public var box: Float
  public var classification: Float
  public var distribution: Float

  public init(box: Float = 7.5, classification: Float = 0.5, distribution: Float = 1.5) {
    self.box = box
    self.classification = classification
    self.distribution = distribution
  }
}

/// What a batch costs. The parts contain their gains; the loss is their sum.
public struct LossParts: Hashable, Sendable {
  public var box: Float
  public var classification: Float
  public var distribution: Float
  /// The sum of the target scores, at least 1: what the parts have been divided by.
  public var normalizer: Float
  /// Anchors that were given a target.
  public var positives: Int

  public init(
    box: Float, classification: Float, distribution: Float, normalizer: Float, positives: Int
  ) {
    self.box = box
    self.classification = classification
    self.distribution = distribution
    self.normalizer = normalizer
    self.positives = positives
  }

  public var total: Float { box + classification + distribution }
}

/// The loss of a YOLOv8 head and its gradient with respect to the logits.
///
/// With targets assigned by `TaskAlignedAssigner`, their scores s and z = max(Σ s, 1):
/// - box = gain · Σ s·(1 − CIoU) / z, over assigned anchors, boxes in cells of their level;
/// - classification = gain · Σ BCE(class logit, s or 0) / z, over all anchors and classes;
/// - distribution = gain · Σ s·(mean over the four sides of the two-bin cross-entropy) / z.
///
/// One thread, one order of additions: the same input gives the same bits.
public final class DetectionLoss {
  public let batchSize: Int
  public let classCount: Int
  public let geometry: [LevelGeometry]
  public let gains: LossGains
  /// What the next batch shows. Filled anew for each one, it keeps its memory.
  public var targets = BatchTargets()

  private let assigner: TaskAlignedAssigner
  private var assignments: [Assignment] = []

  /// Workspaces for `maximumTargets` targets an image; more are no error, they only allocate.
  public init(
    batchSize: Int, classCount: Int, geometry: [LevelGeometry], gains: LossGains = LossGains(),
    maximumTargets: Int = 300
  ) {
    precondition(batchSize > 0, "batch size \(batchSize)")
    self.batchSize = batchSize
    self.classCount = classCount
    self.geometry = geometry
    self.gains = gains
    assigner = TaskAlignedAssigner(
      geometry: geometry, classCount: classCount, maximumTargets: maximumTargets)
    assignments.reserveCapacity(
      batchSize * maximumTargets * TaskAlignedAssigner.claimLimit)
  }

  /// The loss of `targets` (one list an image) under the logits of `levels`.
  ///
  /// Overwrites every gradient with d(gradientScale · total) / d(logit).
  public func evaluate(
    levels: [HeadLevel], targets: [[BoxTarget]], gradientScale: Float
  ) -> LossParts {
    self.targets = BatchTargets(targets)
    return evaluate(levels: levels, gradientScale: gradientScale)
  }

  /// The loss of `self.targets` under the logits of `levels`; allocates nothing.
  ///
  /// Overwrites every gradient with d(gradientScale · total) / d(logit).
  public func evaluate(levels: [HeadLevel], gradientScale: Float) -> LossParts {
    precondition(
      levels.count == geometry.count && zip(levels, geometry).allSatisfy { $0.geometry == $1 },
      "levels \(levels.map(\.geometry)), planned \(geometry)")
    precondition(
      targets.imageCount == batchSize,
      "targets of \(targets.imageCount) images, batch \(batchSize)")
    return targets.boxes.withUnsafeBufferPointer { boxes in
      assign(levels: levels, targets: boxes)
      return assignedLoss(levels: levels, targets: boxes, gradientScale: gradientScale)
    }
  }

  private func assign(levels: [HeadLevel], targets boxes: UnsafeBufferPointer<BoxTarget>) {
    assignments.removeAll(keepingCapacity: true)
    for image in 0..<batchSize {
      assigner.assign(
        image: image, levels: levels,
        targets: UnsafeBufferPointer(rebasing: boxes[targets.range(ofImage: image)]),
        to: &assignments)
    }
  }

  /// The loss and the gradients once every anchor knows its target.
  private func assignedLoss(
    levels: [HeadLevel], targets boxes: UnsafeBufferPointer<BoxTarget>, gradientScale: Float
  ) -> LossParts {
    var scoreSum = 0.0
    for assignment in assignments { scoreSum += Double(assignment.score) }
    let normalizer = max(scoreSum, 1)

    let classScale = gains.classification / Float(normalizer)
    var classSum = 0.0
    for level in levels {
      let cells = batchSize * level.height * level.width
      level.boxGradients.update(repeating: 0, count: cells * BoxEncoding.channelCount)
      classSum += zeroTargetCrossEntropy(
        logits: level.classes, gradients: level.classGradients, count: cells * classCount,
        scale: gradientScale * classScale)
    }

    var boxSum = 0.0
    var distributionSum = 0.0
    let boxScale = gradientScale * gains.box / Float(normalizer)
    let distributionScale = gradientScale * gains.distribution / Float(normalizer)
    for assignment in assignments {
      let level = levels[assignment.level]
      let target = boxes[targets.range(ofImage: assignment.image).lowerBound + assignment.target]
      let position = assignment.image * level.height * level.width + assignment.cell
      let score = assignment.score

      let classOffset = position * classCount + Int(target.classIndex)
      classSum -= Double(level.classes[classOffset] * score)
      level.classGradients[classOffset] -= gradientScale * classScale * score

      let offset = position * BoxEncoding.channelCount
      let parts = boxTerms(
        logits: level.boxes + offset, gradients: level.boxGradients + offset,
        row: assignment.cell / level.width, column: assignment.cell % level.width,
        target: target.corners / Float(level.stride), boxScale: boxScale * score,
        distributionScale: distributionScale * score)
      boxSum += Double(parts.box * score)
      distributionSum += Double(parts.distribution * score)
    }
    return LossParts(
      box: Float(Double(gains.box) * boxSum / normalizer),
      classification: Float(Double(gains.classification) * classSum / normalizer),
      distribution: Float(Double(gains.distribution) * distributionSum / normalizer),
      normalizer: Float(normalizer), positives: assignments.count)
  }
}

/// (1 − CIoU, mean two-bin cross-entropy of the sides) of one anchor, and their scaled gradients.
///
/// *Shapes:* `logits`, `gradients` `[4, 16]`; `target` corners in cells of the anchor's level.
package func boxTerms(
  logits: UnsafePointer<Float>, gradients: UnsafeMutablePointer<Float>, row: Int, column: Int,
  target: SIMD4<Float>, boxScale: Float, distributionScale: Float
) -> (box: Float, distribution: Float) {
  let bins = BoxEncoding.binCount
  let x = Float(column) + 0.5
  let y = Float(row) + 0.5
  let left = SideDistribution(logits: logits)
  let top = SideDistribution(logits: logits + bins)
  let right = SideDistribution(logits: logits + 2 * bins)
  let bottom = SideDistribution(logits: logits + 3 * bins)
  let corners = SIMD4(
    x - left.distance, y - top.distance, x + right.distance, y + bottom.distance)
  let overlap = completeIoUWithGradient(corners, target)
  // The box loss falls as the CIoU grows; left and top distances pull their corners back.
  let dDistance = overlap.gradient * boxScale * SIMD4<Float>(1, 1, -1, -1)

  var distribution: Float = 0
  func side(_ index: Int, _ side: SideDistribution, wanted: Float) {
    let twoBins = TwoBinTarget(distance: wanted)
    distribution += twoBins.crossEntropy(logits: logits + index * bins, logSum: side.logSum)
    let gradient =
      side.distanceGradient * dDistance[index]
      + twoBins.crossEntropyGradient(side.probabilities) * (0.25 * distributionScale)
    store16(gradient, to: gradients + index * bins)
  }
  side(0, left, wanted: x - target.x)
  side(1, top, wanted: y - target.y)
  side(2, right, wanted: target.z - x)
  side(3, bottom, wanted: target.w - y)
  return (1 - overlap.value, 0.25 * distribution)
}

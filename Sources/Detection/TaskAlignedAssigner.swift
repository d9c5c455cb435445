/// An anchor that has to find a target.
package struct Assignment: Equatable {
  package var image: Int
  package var level: Int
  /// Row-major in the level.
  package var cell: Int
  /// Index into the image's targets.
  package var target: Int
  /// What the class probability should be: in (0, 1].
  package var score: Float

  package init(image: Int, level: Int, cell: Int, target: Int, score: Float) {
    self.image = image
    self.level = level
    self.cell = cell
    self.target = target
    self.score = score
  }
}

/// Chooses which anchors learn which targets, by how well they already find them.
///
/// Anchor a is a candidate for target g if its centre lies in g's box. Its alignment is
/// m = score^½ · CIoU⁶, with the probability of g's class and the CIoU of its box (not below 0).
/// Each target claims the ten candidates of greatest m > 0; of equal ones the lowest index. (The
/// usual program fills up the ten with anchors of m = 0 in no defined order. They learn nothing, but
/// they make claims contested; here they are left out, so that the result is defined.) An
/// anchor claimed more than once goes to the target of greatest CIoU among all it is a candidate
/// for; of equal ones the first. Its score becomes m·max CIoU / max m, over the anchors of its
/// target: the best anchor of a target should be as sure as its box is good.
///
/// A side below the second stride is taken as that long when candidates are looked for; otherwise
/// a small object could lie between all anchors.
///
/// Sixteen anchors of a row are compared at a time; `referenceAssignments` does the same plainly.
/// *Source:* Feng et al., "TOOD", arXiv:2108.07755, section 3.2; YOLOv8's constants.
package final class TaskAlignedAssigner {
  package static let claimLimit = 10
  /// Keeps the normalization finite.
  static let epsilon: Float = 1e-9

  private let geometry: [LevelGeometry]
  private let classCount: Int
  private let minimumSide: Float
  private let anchors: AnchorBoxes
  /// How many targets claim an anchor; −1 once that has been settled.
  private let claimCount: UnsafeMutablePointer<Int32>
  /// Sixteen of each, to be looked at one by one.
  private let logits, metrics, overlaps: UnsafeMutablePointer<Float>
  private var claims: UnsafeMutablePointer<Claim>
  /// Of each target of an image, over its anchors.
  private var greatest: UnsafeMutablePointer<(metric: Float, overlap: Float)>
  private var targetCapacity: Int

  private struct Claim {
    var level: Int
    var cell: Int
    var target: Int
    var metric: Float
    var overlap: Float
  }

  /// `maximumTargets` per image fit without further allocation; more are no error.
  package init(geometry: [LevelGeometry], classCount: Int, maximumTargets: Int) {
    precondition(
      !geometry.isEmpty && classCount > 0, "\(geometry.count) levels, \(classCount) classes")
    self.geometry = geometry
    self.classCount = classCount
    minimumSide = Float(geometry[Swift.min(1, geometry.count - 1)].stride)
    anchors = AnchorBoxes(geometry: geometry)
    claimCount = .allocate(capacity: anchors.capacity)
    claimCount.initialize(repeating: 0, count: anchors.capacity)
    logits = .allocate(capacity: 48)
    logits.initialize(repeating: 0, count: 48)
    metrics = logits + 16
    overlaps = logits + 32
    targetCapacity = maximumTargets
    claims = .allocate(capacity: maximumTargets * Self.claimLimit)
    greatest = .allocate(capacity: maximumTargets)
  }

  deinit {
    claimCount.deallocate()
    logits.deallocate()
    claims.deallocate()
    greatest.deallocate()
  }

  /// Makes room for the targets of an image.
  private func reserve(_ targetCount: Int) {
    guard targetCount > targetCapacity else { return }
    claims.deallocate()
    greatest.deallocate()
    targetCapacity = targetCount
    claims = .allocate(capacity: targetCount * Self.claimLimit)
    greatest = .allocate(capacity: targetCount)
  }

  /// Appends the assignments of one image, ordered by the target that claimed first.
  package func assign(
    image: Int, levels: [HeadLevel], targets: UnsafeBufferPointer<BoxTarget>,
    to assignments: inout [Assignment]
  ) {
    if targets.isEmpty { return }
    reserve(targets.count)
    anchors.forget()
    let (claims, greatest, claimCount) = (claims, greatest, claimCount)
    var count = 0
    for (index, target) in targets.enumerated() {
      greatest[index] = (0, 0)
      guard target.hasArea else { continue }
      precondition(
        target.classIndex >= 0 && target.classIndex < classCount,
        "class \(target.classIndex) of \(classCount)")
      count += collectClaims(
        of: index, target, image: image, levels: levels, into: claims + count)
    }
    for index in 0..<count { claimCount[anchor(claims[index])] += 1 }

    let start = assignments.count
    for index in 0..<count {
      var winner = claims[index]
      let anchor = anchor(winner)
      if claimCount[anchor] > 1 {
        settle(&winner, image: image, levels: levels, targets: targets)
        claimCount[anchor] = -1
      } else if claimCount[anchor] < 0 {
        continue
      }
      greatest[winner.target].metric = max(greatest[winner.target].metric, winner.metric)
      greatest[winner.target].overlap = max(greatest[winner.target].overlap, winner.overlap)
      assignments.append(
        Assignment(
          image: image, level: winner.level, cell: winner.cell, target: winner.target,
          score: winner.metric))
    }
    for index in 0..<count { claimCount[anchor(claims[index])] = 0 }
    for index in start..<assignments.count {
      let best = greatest[assignments[index].target]
      assignments[index].score *= best.overlap / (best.metric + Self.epsilon)
    }
  }

  @inline(__always)
  private func anchor(_ claim: Claim) -> Int { anchors.firstAnchor[claim.level] + claim.cell }

  /// Writes the best candidates of one target, best first; returns how many.
  private func collectClaims(
    of index: Int, _ target: BoxTarget, image: Int, levels: [HeadLevel],
    into claims: UnsafeMutablePointer<Claim>
  ) -> Int {
    let region = CandidateRegion(target.corners, minimumSide: minimumSide)
    let overlapTarget = OverlapTarget(target.corners)
    let (metrics, overlaps) = (metrics, overlaps)
    var count = 0
    // What a candidate has to exceed: the least of ten claims.
    var threshold: Float = 0
    for (number, level) in geometry.enumerated() {
      let columns = region.columns(level)
      if columns.isEmpty { continue }
      for row in region.rows(level) {
        let cells =
          (row * level.width + columns.lowerBound)..<(row * level.width + columns.upperBound)
        anchors.decode(cells, level: number, image: image, boxes: levels[number].boxes)
        for cell in stride(from: cells.lowerBound, to: cells.upperBound, by: 16) {
          let width = min(16, cells.upperBound - cell)
          guard
            align(
              overlapTarget, classIndex: Int(target.classIndex), image: image, level: number,
              cell: cell, count: width, classes: levels[number].classes, exceeding: threshold)
          else { continue }
          for lane in 0..<width where metrics[lane] > threshold {
            if count == Self.claimLimit { count -= 1 }
            var place = count
            while place > 0 && claims[place - 1].metric < metrics[lane] {
              claims[place] = claims[place - 1]
              place -= 1
            }
            claims[place] = Claim(
              level: number, cell: cell + lane, target: index, metric: metrics[lane],
              overlap: overlaps[lane])
            count += 1
            if count == Self.claimLimit { threshold = claims[count - 1].metric }
          }
        }
      }
    }
    return count
  }

  /// Gives the anchor of `claim` to the target of greatest overlap that has it as a candidate.
  private func settle(
    _ claim: inout Claim, image: Int, levels: [HeadLevel],
    targets: UnsafeBufferPointer<BoxTarget>
  ) {
    let level = geometry[claim.level]
    let x = (Float(claim.cell % level.width) + 0.5) * Float(level.stride)
    let y = (Float(claim.cell / level.width) + 0.5) * Float(level.stride)
    claim.overlap = -1
    for (index, target) in targets.enumerated() where target.hasArea {
      guard CandidateRegion(target.corners, minimumSide: minimumSide).contains(x, y) else {
        continue
      }
      _ = align(
        OverlapTarget(target.corners), classIndex: Int(target.classIndex), image: image,
        level: claim.level, cell: claim.cell, count: 1, classes: levels[claim.level].classes,
        exceeding: -1)
      if overlaps[0] > claim.overlap {
        claim.target = index
        claim.metric = metrics[0]
        claim.overlap = overlaps[0]
      }
    }
  }

  /// Writes m and CIoU of `count` cells, at most 16, to `metrics` and `overlaps`, unless none of the
  /// m exceeds `threshold`: returns whether one does.
  @inline(__always)
  private func align(
    _ target: OverlapTarget, classIndex: Int, image: Int, level: Int, cell: Int, count: Int,
    classes: UnsafePointer<Float>, exceeding threshold: Float
  ) -> Bool {
    let anchor = anchors.firstAnchor[level] + cell
    let overlap = target.overlaps(
      left: load16(anchors.left + anchor), top: load16(anchors.top + anchor),
      right: load16(anchors.right + anchor), bottom: load16(anchors.bottom + anchor),
      angle: load16(anchors.angle + anchor)
    ).replacing(with: 0, where: laneNumbers .>= Float(count))
    let cube = overlap * overlap * overlap
    // A score is at most 1, so an m is at most CIoU⁶.
    guard laneMaximum(cube * cube) > threshold else { return false }
    let position = image * geometry[level].cellCount + cell
    for lane in 0..<count {
      logits[lane] = classes[(position + lane) * classCount + classIndex]
    }
    let score = 1 / (1 + exponential(-load16(logits)))
    let metric = score.squareRoot() * cube * cube
    guard laneMaximum(metric) > threshold else { return false }
    store16(metric, to: metrics)
    store16(overlap, to: overlaps)
    return true
  }
}

private let laneNumbers = Lanes(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)

import Foundation

/// An anchor that has to find a target.
package struct Assignment {
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
/// Each target claims the ten candidates of greatest m > 0; of equal ones the lowest index. An
/// anchor claimed more than once goes to the target of greatest CIoU among all it is a candidate
/// for; of equal ones the first. Its score becomes m·max CIoU / max m, over the anchors of its
/// target: the best anchor of a target should be as sure as its box is good.
///
/// A side below the second stride is taken as that long when candidates are looked for; otherwise
/// a small object could lie between all anchors.
/// *Source:* Feng et al., "TOOD", arXiv:2108.07755, section 3.2; YOLOv8's constants.
package final class TaskAlignedAssigner {
  package static let claimLimit = 10
  /// An anchor on the edge of a box is not inside.
  private static let insideMargin: Float = 1e-9
  /// Keeps the normalization finite.
  private static let epsilon: Float = 1e-9

  private let geometry: [LevelGeometry]
  private let classCount: Int
  private let firstAnchor: [Int]
  private let minimumSide: Float
  /// The boxes of one image by anchor, in cells of the anchor's level, where `isDecoded` says so.
  private let corners: UnsafeMutableBufferPointer<SIMD4<Float>>
  private let isDecoded: UnsafeMutableBufferPointer<Bool>
  /// How many targets claim an anchor; −1 once that has been settled.
  private let claimCount: UnsafeMutableBufferPointer<Int32>
  private var claims: [Claim] = []
  private var greatest: [(metric: Float, overlap: Float)] = []

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
    var first: [Int] = []
    var count = 0
    for level in geometry {
      first.append(count)
      count += level.cellCount
    }
    firstAnchor = first
    minimumSide = Float(geometry[Swift.min(1, geometry.count - 1)].stride)
    corners = .allocate(capacity: count)
    corners.initialize(repeating: .zero)
    isDecoded = .allocate(capacity: count)
    isDecoded.initialize(repeating: false)
    claimCount = .allocate(capacity: count)
    claimCount.initialize(repeating: 0)
    claims.reserveCapacity(maximumTargets * Self.claimLimit + 1)
    greatest.reserveCapacity(maximumTargets)
  }

  deinit {
    corners.deallocate()
    isDecoded.deallocate()
    claimCount.deallocate()
  }

  /// Appends the assignments of one image, ordered by the target that claimed first.
  package func assign(
    image: Int, levels: [HeadLevel], targets: [BoxTarget], to assignments: inout [Assignment]
  ) {
    if targets.isEmpty { return }
    isDecoded.update(repeating: false)
    claims.removeAll(keepingCapacity: true)
    for (index, target) in targets.enumerated() where target.hasArea {
      precondition(
        target.classIndex >= 0 && target.classIndex < classCount,
        "class \(target.classIndex) of \(classCount)")
      collectClaims(of: index, target, image: image, levels: levels)
    }
    for claim in claims { claimCount[firstAnchor[claim.level] + claim.cell] += 1 }
    greatest.removeAll(keepingCapacity: true)
    for _ in targets { greatest.append((0, 0)) }

    let start = assignments.count
    for claim in claims {
      let anchor = firstAnchor[claim.level] + claim.cell
      var winner = claim
      if claimCount[anchor] > 1 {
        winner = settled(claim, image: image, levels: levels, targets: targets)
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
    for claim in claims { claimCount[firstAnchor[claim.level] + claim.cell] = 0 }
    for index in start..<assignments.count {
      let best = greatest[assignments[index].target]
      assignments[index].score *= best.overlap / (best.metric + Self.epsilon)
    }
  }

  /// Appends the best candidates of one target, best first.
  private func collectClaims(
    of index: Int, _ target: BoxTarget, image: Int, levels: [HeadLevel]
  ) {
    let region = candidateRegion(target.corners)
    let start = claims.count
    for (number, level) in geometry.enumerated() {
      let stride = Float(level.stride)
      let rows = Self.range(region.y, region.w, stride: stride, count: level.height)
      let columns = Self.range(region.x, region.z, stride: stride, count: level.width)
      for row in rows {
        let y = (Float(row) + 0.5) * stride
        guard y - region.y > Self.insideMargin && region.w - y > Self.insideMargin else { continue }
        for column in columns {
          let x = (Float(column) + 0.5) * stride
          guard x - region.x > Self.insideMargin && region.z - x > Self.insideMargin else {
            continue
          }
          let cell = row * level.width + column
          let (metric, overlap) = alignment(
            image: image, level: number, cell: cell, levels: levels, target: target)
          guard metric > 0 else { continue }
          if claims.count - start == Self.claimLimit {
            guard metric > claims[claims.count - 1].metric else { continue }
            claims.removeLast()
          }
          var place = claims.count
          while place > start && claims[place - 1].metric < metric { place -= 1 }
          claims.insert(
            Claim(level: number, cell: cell, target: index, metric: metric, overlap: overlap),
            at: place)
        }
      }
    }
  }

  /// The claim on `claim`'s anchor by the target of greatest overlap that has it as a candidate.
  private func settled(
    _ claim: Claim, image: Int, levels: [HeadLevel], targets: [BoxTarget]
  ) -> Claim {
    let level = geometry[claim.level]
    let x = (Float(claim.cell % level.width) + 0.5) * Float(level.stride)
    let y = (Float(claim.cell / level.width) + 0.5) * Float(level.stride)
    var best = claim
    best.overlap = -1
    for (index, target) in targets.enumerated() where target.hasArea {
      let region = candidateRegion(target.corners)
      guard
        x - region.x > Self.insideMargin && region.z - x > Self.insideMargin
          && y - region.y > Self.insideMargin && region.w - y > Self.insideMargin
      else { continue }
      let (metric, overlap) = alignment(
        image: image, level: claim.level, cell: claim.cell, levels: levels, target: target)
      if overlap > best.overlap {
        best.target = index
        best.metric = metric
        best.overlap = overlap
      }
    }
    return best
  }

  /// How well the anchor of a cell finds `target`: (score^½ · CIoU⁶, CIoU).
  @inline(__always)
  private func alignment(
    image: Int, level number: Int, cell: Int, levels: [HeadLevel], target: BoxTarget
  ) -> (metric: Float, overlap: Float) {
    let level = geometry[number]
    let anchor = firstAnchor[number] + cell
    let position = image * level.cellCount + cell
    if !isDecoded[anchor] {
      corners[anchor] = decodedCorners(
        logits: levels[number].boxes + position * BoxEncoding.channelCount,
        row: cell / level.width, column: cell % level.width)
      isDecoded[anchor] = true
    }
    let overlap = positiveCompleteIoU(target.corners, corners[anchor] * Float(level.stride))
    guard overlap > 0 else { return (0, 0) }
    let logit = levels[number].classes[position * classCount + Int(target.classIndex)]
    let score = 1 / (1 + exp(-logit))
    let cube = overlap * overlap * overlap
    return (score.squareRoot() * cube * cube, overlap)
  }

  /// `corners` with no side below `minimumSide`, about the same centre.
  private func candidateRegion(_ corners: SIMD4<Float>) -> SIMD4<Float> {
    let halfWidth = 0.5 * max(corners.z - corners.x, minimumSide)
    let halfHeight = 0.5 * max(corners.w - corners.y, minimumSide)
    let x = 0.5 * (corners.x + corners.z)
    let y = 0.5 * (corners.y + corners.w)
    return SIMD4(x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight)
  }

  /// The cells whose centres may lie between `low` and `high` pixels; at most one too many each side.
  private static func range(_ low: Float, _ high: Float, stride: Float, count: Int) -> Range<Int> {
    let first = min(max(low / stride - 1, 0), Float(count))
    let last = min(max(high / stride + 1, 0), Float(count))
    return Int(first)..<max(Int(first), Int(last))
  }
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

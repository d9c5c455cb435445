import Foundation

/// What `TaskAlignedAssigner` does, one anchor after another: the plain version for its tests.
package func referenceAssignments(
  image: Int, levels: [HeadLevel], targets: [BoxTarget], classCount: Int
) -> [Assignment] {
  struct Claim {
    var level, cell, target: Int
    var metric, overlap: Float
  }
  let minimumSide = Float(levels[min(1, levels.count - 1)].stride)

  func candidate(_ level: Int, _ cell: Int, _ target: Int) -> Claim? {
    let (head, wanted) = (levels[level], targets[target])
    let stride = Float(head.stride)
    let (row, column) = (cell / head.width, cell % head.width)
    let region = CandidateRegion(wanted.corners, minimumSide: minimumSide)
    guard
      wanted.hasArea,
      region.contains((Float(column) + 0.5) * stride, (Float(row) + 0.5) * stride)
    else { return nil }
    let position = image * head.height * head.width + cell
    let box = decodedCorners(
      logits: head.boxes + position * BoxEncoding.channelCount, row: row, column: column)
    let overlap = max(completeIoU(box * stride, wanted.corners), 0)
    let logit = head.classes[position * classCount + Int(wanted.classIndex)]
    let score = 1 / (1 + exp(-logit))
    return Claim(
      level: level, cell: cell, target: target, metric: score.squareRoot() * pow(overlap, 6),
      overlap: overlap)
  }

  let claims = targets.indices.flatMap { target in
    levels.indices.flatMap { level in
      (0..<levels[level].height * levels[level].width).compactMap { candidate(level, $0, target) }
    }
    .filter { $0.metric > 0 }
    .enumerated().sorted { ($1.element.metric, $0.offset) < ($0.element.metric, $1.offset) }
    .prefix(TaskAlignedAssigner.claimLimit).map(\.element)
  }
  var winners: [Claim] = []
  var settled: Set<[Int]> = []
  for claim in claims {
    let claimants = claims.filter { $0.level == claim.level && $0.cell == claim.cell }
    guard settled.insert([claim.level, claim.cell]).inserted else { continue }
    if claimants.count == 1 {
      winners.append(claim)
    } else {
      let all = targets.indices.compactMap { candidate(claim.level, claim.cell, $0) }
      let best = all.map(\.overlap).max()!
      winners.append(all.first { $0.overlap == best }!)
    }
  }
  return winners.map { winner in
    let same = winners.filter { $0.target == winner.target }
    let (metric, overlap) = (same.map(\.metric).max()!, same.map(\.overlap).max()!)
    return Assignment(
      image: image, level: winner.level, cell: winner.cell, target: winner.target,
      score: winner.metric * overlap / (metric + TaskAlignedAssigner.epsilon))
  }
}

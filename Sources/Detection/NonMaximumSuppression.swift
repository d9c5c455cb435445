/// Keeps each detection that no better kept one of its class overlaps by more than a threshold.
///
/// Returns at most `maximumDetections`, best first; of equal scores the earlier in `candidates`
/// comes first. Scores that are no numbers come last.
public func suppressNonMaxima(
  _ candidates: [Detection], overlapThreshold: Float, maximumDetections: Int
) -> [Detection] {
  suppressNonMaxima(
    candidates, order: descendingOrder(of: candidates), overlapThreshold: overlapThreshold,
    maximumDetections: maximumDetections)
}

/// The indices of `candidates`, best score first, then lowest index.
func descendingOrder(of candidates: [Detection]) -> [Int32] {
  var keys = candidates.indices.map { index in
    let score = candidates[index].score
    return (score: score.isNaN ? -Float.infinity : score, index: Int32(index))
  }
  keys.sort { $0.score != $1.score ? $0.score > $1.score : $0.index < $1.index }
  return keys.map(\.index)
}

func suppressNonMaxima(
  _ candidates: [Detection], order: some Sequence<Int32>, overlapThreshold: Float,
  maximumDetections: Int
) -> [Detection] {
  var kept: [Detection] = []
  for index in order {
    if kept.count >= maximumDetections { break }
    let candidate = candidates[Int(index)]
    let isSuppressed = kept.contains {
      $0.classIndex == candidate.classIndex
        && intersectionOverUnion($0.corners, candidate.corners) > overlapThreshold
    }
    if !isSuppressed { kept.append(candidate) }
  }
  return kept
}

/// The IoU of two boxes given as corners; 0 where both have no area.
@inline(__always)
package func intersectionOverUnion(_ a: SIMD4<Float>, _ b: SIMD4<Float>) -> Float {
  let width = min(a.z, b.z) - max(a.x, b.x)
  let height = min(a.w, b.w) - max(a.y, b.y)
  guard width > 0 && height > 0 else { return 0 }
  let inner = width * height
  return inner / ((a.z - a.x) * (a.w - a.y) + (b.z - b.x) * (b.w - b.y) - inner)
}

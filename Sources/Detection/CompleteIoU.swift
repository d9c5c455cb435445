import Foundation

/// Keeps a division by a vanishing area or diagonal finite.
let overlapEpsilon: Float = 1e-7
private let epsilon = overlapEpsilon

/// 4/π².
let aspectFactor = 4 / (Float.pi * Float.pi)

/// The complete IoU of two boxes: IoU − ρ²/c² − α·v.
///
/// ρ is the distance of the centres, c the diagonal of the smallest box around both,
/// v = 4/π²·(atan(W/H) − atan(w/h))² the difference of the aspect ratios and α = v / (1 − IoU + v).
/// *Shapes:* boxes are corners (left, top, right, bottom), in any one unit.
/// *Source:* Zheng et al., "Distance-IoU Loss", arXiv:1911.08287, equations 7 to 11.
package func completeIoU(_ a: SIMD4<Float>, _ b: SIMD4<Float>) -> Float {
  let terms = IoUTerms(a, b)
  let v = terms.aspectDifference
  let alpha = v / (1 - terms.iou + v + epsilon)
  return terms.iou - (terms.distanceTerm + v * alpha)
}

/// The complete IoU of `box` and `target`, and its gradient with respect to the corners of `box`.
///
/// α counts as a constant in the gradient, as in the publication.
package func completeIoUWithGradient(_ box: SIMD4<Float>, _ target: SIMD4<Float>) -> (
  value: Float, gradient: SIMD4<Float>
) {
  let terms = IoUTerms(box, target)
  let v = terms.aspectDifference
  let alpha = v / (1 - terms.iou + v + epsilon)
  let value = terms.iou - (terms.distanceTerm + v * alpha)

  // Intersection: a corner of `box` moves it where it is the inner one and the boxes overlap.
  var dInner = SIMD4<Float>(repeating: 0)
  if terms.innerWidth > 0 && terms.innerHeight > 0 {
    if box.x > target.x { dInner.x = -terms.innerHeight }
    if box.z < target.z { dInner.z = terms.innerHeight }
    if box.y > target.y { dInner.y = -terms.innerWidth }
    if box.w < target.w { dInner.w = terms.innerWidth }
  }
  let (w, h) = (terms.width, terms.height)
  let dArea = SIMD4<Float>(-h, -w, h, w)
  let dUnion = dArea - dInner
  let dIoU = (dInner - terms.iou * dUnion) / terms.union

  // ρ²/c²: the centre moves by half of what a corner moves.
  let offsetX = box.x + box.z - target.x - target.z
  let offsetY = box.y + box.w - target.y - target.w
  let dDistance = SIMD4<Float>(offsetX, offsetY, offsetX, offsetY) * 0.5
  var dDiagonal = SIMD4<Float>(repeating: 0)
  if box.x < target.x { dDiagonal.x = -2 * terms.outerWidth }
  if box.z > target.z { dDiagonal.z = 2 * terms.outerWidth }
  if box.y < target.y { dDiagonal.y = -2 * terms.outerHeight }
  if box.w > target.w { dDiagonal.w = 2 * terms.outerHeight }
  let dTerm = (dDistance - terms.distanceTerm * dDiagonal) / terms.diagonal

  // v: d atan(w/h) = (h·dw − w·dh) / (w² + h²).
  let slope = 2 * aspectFactor * terms.angleDifference / (w * w + h * h)
  let dAspect = SIMD4<Float>(slope * h, -slope * w, -slope * h, slope * w)

  return (value, dIoU - dTerm - alpha * dAspect)
}

/// What the complete IoU of a box and a target is made of.
private struct IoUTerms {
  var width: Float
  var height: Float
  var targetWidth: Float
  var targetHeight: Float
  /// Sides of the intersection; 0 where there is none.
  var innerWidth: Float
  var innerHeight: Float
  var union: Float
  var iou: Float
  /// Sides of the smallest box around both, and its squared diagonal.
  var outerWidth: Float
  var outerHeight: Float
  var diagonal: Float
  /// ρ²/c².
  var distanceTerm: Float

  @inline(__always)
  init(_ box: SIMD4<Float>, _ target: SIMD4<Float>) {
    width = box.z - box.x
    height = box.w - box.y + epsilon
    targetWidth = target.z - target.x
    targetHeight = target.w - target.y + epsilon
    innerWidth = max(min(box.z, target.z) - max(box.x, target.x), 0)
    innerHeight = max(min(box.w, target.w) - max(box.y, target.y), 0)
    let inner = innerWidth * innerHeight
    union = width * height + targetWidth * targetHeight - inner + epsilon
    iou = inner / union
    outerWidth = max(box.z, target.z) - min(box.x, target.x)
    outerHeight = max(box.w, target.w) - min(box.y, target.y)
    diagonal = outerWidth * outerWidth + outerHeight * outerHeight + epsilon
    let offsetX = target.x + target.z - box.x - box.z
    let offsetY = target.y + target.w - box.y - box.w
    distanceTerm = (offsetX * offsetX + offsetY * offsetY) / 4 / diagonal
  }

  /// atan(W/H) − atan(w/h).
  var angleDifference: Float { atan(targetWidth / targetHeight) - atan(width / height) }

  /// v.
  @inline(__always)
  var aspectDifference: Float {
    let difference = angleDifference
    return aspectFactor * difference * difference
  }
}

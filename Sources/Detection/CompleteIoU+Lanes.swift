import Foundation

/// A target as sixteen boxes at a time are compared with it.
package struct OverlapTarget {
  private let corners: SIMD4<Float>
  private let area: Float
  private let doubledCentre: SIMD2<Float>
  private let angle: Float

  package init(_ corners: SIMD4<Float>) {
    self.corners = corners
    let width = corners.z - corners.x
    let height = corners.w - corners.y + overlapEpsilon
    area = width * height
    doubledCentre = SIMD2(corners.x + corners.z, corners.y + corners.w)
    angle = atan(width / height)
  }

  /// max(completeIoU(box, target), 0) of sixteen boxes; 0 also where it is no number.
  ///
  /// - Parameter angle: atan(width / height) of the boxes.
  @inline(__always)
  package func overlaps(
    left: Lanes, top: Lanes, right: Lanes, bottom: Lanes, angle boxAngle: Lanes
  ) -> Lanes {
    let zero = Lanes(repeating: 0)
    let x0 = Lanes(repeating: corners.x)
    let y0 = Lanes(repeating: corners.y)
    let x1 = Lanes(repeating: corners.z)
    let y1 = Lanes(repeating: corners.w)
    let width = right - left
    let height = bottom - top + overlapEpsilon
    let innerWidth = higher(lower(right, x1) - higher(left, x0), zero)
    let innerHeight = higher(lower(bottom, y1) - higher(top, y0), zero)
    let inner = innerWidth * innerHeight
    let iou = inner / (width * height + area - inner + overlapEpsilon)
    let outerWidth = higher(right, x1) - lower(left, x0)
    let outerHeight = higher(bottom, y1) - lower(top, y0)
    let offsetX = doubledCentre.x - left - right
    let offsetY = doubledCentre.y - top - bottom
    let distanceTerm =
      (offsetX * offsetX + offsetY * offsetY) * 0.25
      / (outerWidth * outerWidth + outerHeight * outerHeight + overlapEpsilon)
    let turn = angle - boxAngle
    let v = turn * turn * aspectFactor
    let value = iou - (distanceTerm + v * v / (1 - iou + v + overlapEpsilon))
    return zero.replacing(with: value, where: value .> zero)
  }
}

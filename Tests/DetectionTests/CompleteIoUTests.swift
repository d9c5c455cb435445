import Detection
import Foundation
import Testing

@Suite struct CompleteIoUTests {
  /// Boxes that overlap, contain each other, touch no side, or lie apart.
  static let pairs: [([Double], [Double])] = [
    ([1, 2, 6, 9], [2, 3, 8, 7.5]),
    ([0.25, 0.5, 10, 11], [3, 4, 6, 5]),
    ([3, 4, 6, 5], [0.25, 0.5, 10, 11]),
    ([0, 0, 2, 3], [5, 6, 9, 7]),
    ([4, 1, 5, 9], [1, 4, 9, 5]),
    ([7, 7.5, 8.25, 13], [0.5, 0.25, 7.5, 8]),
  ]

  static func corners(_ values: [Double]) -> SIMD4<Float> {
    SIMD4(Float(values[0]), Float(values[1]), Float(values[2]), Float(values[3]))
  }

  @Test(arguments: pairs)
  func `the value is that of the plain formula, and symmetric`(a: [Double], b: [Double]) {
    let v = PlainLoss.aspect(a, b)
    let alpha = v / (1 - PlainLoss.iou(a, b) + v)
    let expected = PlainLoss.completeIoU(a, b, alpha: alpha)
    let found = completeIoU(Self.corners(a), Self.corners(b))
    // A dozen Float32 operations on numbers near 1, and the 1e-7 that guard the divisions.
    #expect(abs(Double(found) - expected) < 1e-6)
    #expect(abs(completeIoU(Self.corners(b), Self.corners(a)) - found) < 1e-6)
    #expect(completeIoUWithGradient(Self.corners(a), Self.corners(b)).value == found)
  }

  @Test(arguments: pairs)
  func `sixteen boxes at a time have the values of one`(a: [Double], b: [Double]) {
    let (box, target) = (Self.corners(a), Self.corners(b))
    // The box grows from lane to lane.
    let boxes = (0..<16).map { box + SIMD4(-0.1, 0, 0.3, 0.2) * Float($0) }
    func lanes(_ corner: Int) -> SIMD16<Float> { SIMD16(boxes.map { $0[corner] }) }
    let (left, top, right, bottom) = (lanes(0), lanes(1), lanes(2), lanes(3))
    let found = OverlapTarget(target).overlaps(
      left: left, top: top, right: right, bottom: bottom,
      angle: arctangent(right - left, over: bottom - top))
    for lane in 0..<16 {
      let expected = max(completeIoU(boxes[lane], target), 0)
      // Angles are off by 3e-7, and the terms are added in another order.
      #expect(abs(found[lane] - expected) < 2e-6)
    }
  }

  @Test func `arctangents of lanes are off by at most 3e-7`() {
    for block in 0..<1000 {
      let w = SIMD16<Float>((0..<16).map { Float(block * 16 + $0) / 400 })
      let h = SIMD16<Float>((0..<16).map { Float(1 + ($0 * 7 + block) % 40) })
      let found = arctangent(w, over: h)
      for lane in 0..<16 {
        // Three roundings of numbers between 1 and 2, or the polynomial's own 1.1e-7.
        #expect(abs(Double(found[lane]) - atan(Double(w[lane]) / Double(h[lane]))) < 3e-7)
      }
    }
  }

  @Test(arguments: pairs)
  func `the gradient agrees with finite differences at constant alpha`(a: [Double], b: [Double]) {
    let v = PlainLoss.aspect(a, b)
    let alpha = v / (1 - PlainLoss.iou(a, b) + v)
    let gradient = completeIoUWithGradient(Self.corners(a), Self.corners(b)).gradient
    for index in 0..<4 {
      let step = 1e-5
      var (low, high) = (a, a)
      low[index] -= step
      high[index] += step
      let difference =
        (PlainLoss.completeIoU(high, b, alpha: alpha) - PlainLoss.completeIoU(low, b, alpha: alpha))
        / (2 * step)
      #expect(abs(Double(gradient[index]) - difference) < 2e-6)
    }
  }

  @Test func `equal boxes have a complete IoU of one and no gradient to follow`() {
    let box = SIMD4<Float>(1, 2, 5, 9)
    let (value, _) = completeIoUWithGradient(box, box)
    #expect(abs(value - 1) < 1e-6)
  }

  @Test func `a box of no size gives finite numbers`() {
    let (value, gradient) = completeIoUWithGradient(SIMD4(3, 3, 3, 3), SIMD4(1, 1, 5, 4))
    #expect(value.isFinite)
    #expect(gradient.x.isFinite && gradient.y.isFinite && gradient.z.isFinite)
  }
}

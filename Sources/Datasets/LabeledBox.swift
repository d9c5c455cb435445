/// A box with its class.
///
/// *Units:* `corners` are `x0, y0, x1, y1` in pixels of the picture the box belongs to; the pixel
/// of column `x` covers `x ..< x + 1`.
public struct LabeledBox: Hashable, Sendable, Codable {
  public var classIndex: Int
  public var corners: SIMD4<Float>

  public init(classIndex: Int, corners: SIMD4<Float>) {
    self.classIndex = classIndex
    self.corners = corners
  }

  public var width: Float { corners[2] - corners[0] }
  public var height: Float { corners[3] - corners[1] }
  public var area: Float { width * height }
}

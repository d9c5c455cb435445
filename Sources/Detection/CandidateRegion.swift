/// Where the centres of a target's candidates lie: its box with no side below `minimumSide`, about
/// the same centre. An anchor on the edge is not inside.
struct CandidateRegion {
  private var corners: SIMD4<Float>

  private static let margin: Float = 1e-9

  init(_ target: SIMD4<Float>, minimumSide: Float) {
    let halfWidth = 0.5 * max(target.z - target.x, minimumSide)
    let halfHeight = 0.5 * max(target.w - target.y, minimumSide)
    let x = 0.5 * (target.x + target.z)
    let y = 0.5 * (target.y + target.w)
    corners = SIMD4(x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight)
  }

  func contains(_ x: Float, _ y: Float) -> Bool {
    Self.isBetween(x, corners.x, corners.z) && Self.isBetween(y, corners.y, corners.w)
  }

  /// The columns of a level whose centres lie inside.
  func columns(_ level: LevelGeometry) -> Range<Int> {
    Self.range(corners.x, corners.z, stride: level.stride, count: level.width)
  }

  /// The rows of a level whose centres lie inside.
  func rows(_ level: LevelGeometry) -> Range<Int> {
    Self.range(corners.y, corners.w, stride: level.stride, count: level.height)
  }

  private static func isBetween(_ x: Float, _ low: Float, _ high: Float) -> Bool {
    x - low > margin && high - x > margin
  }

  private static func range(_ low: Float, _ high: Float, stride: Int, count: Int) -> Range<Int> {
    let side = Float(stride)
    func isInside(_ index: Int) -> Bool { isBetween((Float(index) + 0.5) * side, low, high) }
    // One too many each side at first.
    var first = Int(min(max(low / side - 1, 0), Float(count)))
    var last = Int(min(max(high / side + 1, 0), Float(count)))
    while first < last && !isInside(first) { first += 1 }
    while first < last && !isInside(last - 1) { last -= 1 }
    return first..<max(first, last)
  }
}

/// The picture while it is drawn: linear light, the object of each pixel, and the ground's shade.
///
/// Shapes are drawn from far to near. Edges are analytic: a pixel's coverage follows from its
/// signed distance to the edges.
final class SceneCanvas {
  let width: Int
  let height: Int
  let light: UnsafeMutablePointer<Light>
  /// The object a pixel shows; 0 is none in particular.
  let objects: UnsafeMutablePointer<UInt16>
  /// How much of the sun is kept from the ground, 0 … 1.
  let shade: UnsafeMutablePointer<Float>
  /// For each object the pixels it covered when it was drawn.
  private(set) var drawnCounts: [Int] = [0]

  init(width: Int, height: Int) {
    self.width = width
    self.height = height
    light = .allocate(capacity: width * height)
    objects = .allocate(capacity: width * height)
    shade = .allocate(capacity: width * height)
    light.initialize(repeating: .zero, count: width * height)
    objects.initialize(repeating: 0, count: width * height)
    shade.initialize(repeating: 0, count: width * height)
  }

  deinit {
    light.deallocate()
    objects.deallocate()
    shade.deallocate()
  }

  /// A number for the next object.
  func newObject() -> UInt16 {
    precondition(drawnCounts.count <= Int(UInt16.max), "\(drawnCounts.count) objects in one scene")
    drawnCounts.append(0)
    return UInt16(drawnCounts.count - 1)
  }

  /// For each object the pixels that show it now.
  func visibleCounts() -> [Int] {
    var counts = [Int](repeating: 0, count: drawnCounts.count)
    for i in 0..<(width * height) { counts[Int(objects[i])] += 1 }
    return counts
  }

  @inline(__always)
  func claimPixel(_ i: Int, _ object: UInt16) {
    if objects[i] != object {
      objects[i] = object
      drawnCounts[Int(object)] &+= 1
    }
  }

  /// Calls `body(pixel, x, y, coverage)` for each pixel that a convex polygon touches.
  ///
  /// - Parameters:
  ///   - softness: the width of the edge in pixels.
  ///   - grow: how far the polygon is widened, in pixels; closes the seams between neighbours.
  @inline(__always)
  func rasterize(
    _ polygon: [Point], softness: Float = 1, grow: Float = 0,
    _ body: (_ pixel: Int, _ x: Int, _ y: Int, _ coverage: Float) -> Void
  ) {
    guard polygon.count >= 3, let box = bounds(polygon) else { return }
    let margin = softness / 2 + grow
    let firstRow = max(0, Int(max(box[1] - margin - 0.5, -1).rounded(.up)))
    let lastRow = min(height - 1, Int(min(box[3] + margin - 0.5, Float(height)).rounded(.down)))
    guard firstRow <= lastRow, box[2] + margin > 0, box[0] - margin < Float(width) else { return }
    var area: Float = 0
    for i in 0..<polygon.count {
      let (p, q) = (polygon[i], polygon[i + 1 == polygon.count ? 0 : i + 1])
      area += p.x * q.y - q.x * p.y
    }
    let sign: Float = area < 0 ? -1 : 1
    let inverse = 1 / softness
    // (a, b, c): a·x + b·y + c is the distance to the inside in units of the softness, plus half.
    withUnsafeTemporaryAllocation(of: SIMD3<Float>.self, capacity: polygon.count) { edges in
      var edgeCount = 0
      for i in 0..<polygon.count {
        let (p, q) = (polygon[i], polygon[i + 1 == polygon.count ? 0 : i + 1])
        let (dx, dy) = (q.x - p.x, q.y - p.y)
        let size = (dx * dx + dy * dy).squareRoot()
        guard size > 1e-4 else { continue }
        let (a, b) = (-dy / size * sign, dx / size * sign)
        let c = -(a * p.x + b * p.y) + grow
        edges[edgeCount] = SIMD3(a * inverse, b * inverse, c * inverse + 0.5)
        edgeCount += 1
      }
      guard edgeCount >= 3 else { return }
      for y in firstRow...lastRow {
        let cy = Float(y) + 0.5
        var (left, right) = (max(box[0] - margin, 0), min(box[2] + margin, Float(width)))
        var (innerLeft, innerRight) = (left, right)
        for k in 0..<edgeCount {
          let e = edges[k]
          let rest = e.y * cy + e.z
          if e.x > 1e-6 {
            left = max(left, -rest / e.x)
            innerLeft = max(innerLeft, (1 - rest) / e.x)
          } else if e.x < -1e-6 {
            right = min(right, -rest / e.x)
            innerRight = min(innerRight, (1 - rest) / e.x)
          } else {
            if rest <= 0 { right = -1 }
            if rest < 1 { innerRight = -1 }
          }
        }
        guard right > left else { continue }
        let first = max(0, Int((left - 0.5).rounded(.up)))
        let last = min(width - 1, Int((right - 0.5).rounded(.down)))
        guard first <= last else { continue }
        var (full, fullEnd) = (last + 1, last + 1)
        if innerRight > innerLeft {
          full = max(first, Int((innerLeft - 0.5).rounded(.up)))
          fullEnd = min(last, Int((innerRight - 0.5).rounded(.down))) + 1
          if full >= fullEnd { (full, fullEnd) = (last + 1, last + 1) }
        }
        let row = y * width
        var x = first
        while x <= last {
          if x == full {
            while x < fullEnd {
              body(row + x, x, y, 1)
              x += 1
            }
            if x > last { break }
          }
          let cx = Float(x) + 0.5
          var coverage: Float = 1
          for k in 0..<edgeCount {
            let e = edges[k]
            coverage -= 1 - min(e.x * cx + e.y * cy + e.z, 1)
          }
          if coverage > 0 { body(row + x, x, y, coverage) }
          x += 1
        }
      }
    }
  }

  /// Paints a convex polygon of one colour, belonging to `object`.
  func fill(
    _ polygon: [Point], _ color: Light, object: UInt16, alpha: Float = 1, grow: Float = 0.3
  ) {
    rasterize(polygon, grow: grow) { i, _, _, coverage in
      light[i] += (color - light[i]) * (coverage * alpha)
      if coverage > 0.5 && alpha > 0.5 { claimPixel(i, object) }
    }
  }

  /// Marks the polygon's pixels as showing `object` without painting them.
  func mark(_ polygon: [Point], object: UInt16) {
    rasterize(polygon) { i, _, _, coverage in if coverage > 0.5 { claimPixel(i, object) } }
  }

  /// Keeps the sun from the polygon's pixels; where shades overlap the deeper one counts.
  func darken(_ polygon: [Point], softness: Float, depth: Float = 1) {
    rasterize(polygon, softness: softness) { i, _, _, coverage in
      shade[i] = max(shade[i], coverage * depth)
    }
  }

  /// Paints a rod with round ends that is thicker at one end, lit like a solid one.
  ///
  /// - Parameters:
  ///   - sun: the direction to the sun: x right, y down, z away from the viewer.
  ///   - ambient: the paint's colour times the light of the sky.
  ///   - direct: the paint's colour times the light of the sun.
  ///   - haze: the light of the air before it.
  ///   - grain: how much noise changes the brightness, 0 … 2.
  func fillRod(
    from p: Point, radius r: Float, to q: Point, radius s: Float, sun: Vector,
    ambient: Light, direct: Light, haze: Light = .zero, object: UInt16, alpha: Float = 1,
    grain: Float = 0, noise: NoiseTile
  ) {
    let axis = q - p
    let squared = axis.x * axis.x + axis.y * axis.y
    let inverse = squared > 1e-6 ? 1 / squared : 0
    let margin = max(r, s) + 0.5
    let low = Point(min(p.x, q.x) - margin, min(p.y, q.y) - margin)
    let high = Point(max(p.x, q.x) + margin, max(p.y, q.y) + margin)
    guard high.x > 0, high.y > 0, low.x < Float(width), low.y < Float(height) else { return }
    let (x0, x1) = (max(0, Int(low.x)), min(width - 1, Int(min(high.x, Float(width)))))
    let (y0, y1) = (max(0, Int(low.y)), min(height - 1, Int(min(high.y, Float(height)))))
    guard x0 <= x1, y0 <= y1 else { return }
    for y in y0...y1 {
      for x in x0...x1 {
        let (dx, dy) = (Float(x) + 0.5 - p.x, Float(y) + 0.5 - p.y)
        let t = min(max((dx * axis.x + dy * axis.y) * inverse, 0), 1)
        let radius = r + (s - r) * t
        let (ex, ey) = (dx - axis.x * t, dy - axis.y * t)
        let squaredDistance = ex * ex + ey * ey
        let reach = radius + 0.5
        guard squaredDistance < reach * reach else { continue }
        let distance = squaredDistance.squareRoot()
        // A rod thinner than a pixel covers its width's share of it.
        let coverage = min(reach - distance, 1, 2 * radius)
        let scale = 1 / max(radius, distance, 1e-3)
        let (nx, ny) = (ex * scale, ey * scale)
        let nz = max(1 - nx * nx - ny * ny, 0).squareRoot()
        let lit = max(nx * sun.x + ny * sun.y - nz * sun.z, 0)
        // The sky lights what looks up more than what looks down.
        var color = ambient * (0.78 - 0.3 * ny) + direct * lit
        if grain > 0 {
          color *= 1 + grain * (noise(Float(x) * 0.31 + p.x, Float(y) * 0.31 + q.y) - 0.5)
        }
        let i = y * width + x
        light[i] += (color + haze - light[i]) * (coverage * alpha)
        if coverage > 0.5 && alpha > 0.5 { claimPixel(i, object) }
      }
    }
  }
}

import Tensors

/// A point or direction of the world. *Units:* metres; x and y lie in the ground, z points up.
typealias Vector = SIMD3<Float>
/// A point of the picture. *Units:* pixels from the top left corner.
typealias Point = SIMD2<Float>
/// Linear light: red, green, blue and an unused fourth lane. 1 is white in full light.
typealias Light = SIMD4<Float>

func dot(_ a: Vector, _ b: Vector) -> Float { a.x * b.x + a.y * b.y + a.z * b.z }

func cross(_ a: Vector, _ b: Vector) -> Vector {
  Vector(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)
}

func length(_ a: Vector) -> Float { dot(a, a).squareRoot() }

func normalized(_ a: Vector) -> Vector { a / max(length(a), 1e-9) }

func clamp01(_ x: Float) -> Float { min(max(x, 0), 1) }

func mix(_ a: Light, _ b: Light, _ t: Float) -> Light { a + (b - a) * t }

/// A colour as one sees it on a screen, 0 … 1, as linear light. The pictures use a gamma of two
/// both ways: a square and a square root are the same on every machine.
func screenColor(_ red: Float, _ green: Float, _ blue: Float) -> Light {
  Light(red * red, green * green, blue * blue, 0)
}

/// The convex hull, counted so that its signed area is positive, without collinear points.
func convexHull(_ points: [Point]) -> [Point] {
  guard points.count > 2 else { return points }
  let sorted = points.sorted { $0.x != $1.x ? $0.x < $1.x : $0.y < $1.y }
  func turn(_ o: Point, _ a: Point, _ b: Point) -> Float {
    (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x)
  }
  var hull: [Point] = []
  hull.reserveCapacity(points.count + 1)
  for p in sorted {
    while hull.count >= 2, turn(hull[hull.count - 2], hull[hull.count - 1], p) <= 0 {
      hull.removeLast()
    }
    hull.append(p)
  }
  let lower = hull.count + 1
  for p in sorted.dropLast().reversed() {
    while hull.count >= lower, turn(hull[hull.count - 2], hull[hull.count - 1], p) <= 0 {
      hull.removeLast()
    }
    hull.append(p)
  }
  hull.removeLast()
  return hull
}

/// The part of a convex polygon that lies in `0 … width` × `0 … height`.
func clipped(_ polygon: [Point], width: Float, height: Float) -> [Point] {
  var result = polygon
  // Each side of the picture as (normal, offset): inside is normal · p + offset ≥ 0.
  for side in [
    SIMD3<Float>(1, 0, 0), SIMD3(-1, 0, width), SIMD3(0, 1, 0), SIMD3(0, -1, height),
  ] {
    var next: [Point] = []
    for (i, p) in result.enumerated() {
      let q = result[(i + 1) % result.count]
      let dp = side.x * p.x + side.y * p.y + side.z
      let dq = side.x * q.x + side.y * q.y + side.z
      if dp >= 0 { next.append(p) }
      if (dp >= 0) != (dq >= 0) { next.append(p + (q - p) * (dp / (dp - dq))) }
    }
    result = next
  }
  return result
}

/// The corners `x0, y0, x1, y1` of the smallest upright box around the points.
func bounds(_ points: [Point]) -> SIMD4<Float>? {
  guard let first = points.first else { return nil }
  var box = SIMD4(first.x, first.y, first.x, first.y)
  for p in points {
    box = SIMD4(min(box[0], p.x), min(box[1], p.y), max(box[2], p.x), max(box[3], p.y))
  }
  return box
}

/// The box with its corners moved into the picture; clipping may leave them beyond by a rounding.
func clamped(_ box: SIMD4<Float>, width: Float, height: Float) -> SIMD4<Float> {
  SIMD4(
    min(max(box[0], 0), width), min(max(box[1], 0), height), min(max(box[2], 0), width),
    min(max(box[3], 0), height))
}

extension Philox {
  /// True with the given probability.
  mutating func chance(_ probability: Float) -> Bool { uniform() < probability }

  mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[integer(below: elements.count)]
  }

  /// A bell around zero with standard deviation `deviation`, never beyond 3.47 of it.
  mutating func bell(_ deviation: Float) -> Float {
    (uniform() + uniform() - uniform() - uniform()) * 1.732 * deviation
  }
}

import Glibc

/// A pinhole camera over the ground plane z = 0.
struct SceneCamera {
  let position: Vector
  let right: Vector
  let up: Vector
  let forward: Vector
  /// *Units:* pixels.
  let focal: Float
  let center: Point
  let width: Int
  let height: Int

  /// What lies nearer than this is cut away. *Units:* metres.
  static let near: Float = 0.3

  /// - Parameters:
  ///   - yaw: the direction of view in the ground, from +x towards +y, in radians.
  ///   - pitch: how far it looks down, in radians.
  ///   - roll: clockwise in the picture, in radians.
  ///   - fieldOfView: the horizontal angle of view in radians.
  init(
    position: Vector, yaw: Float, pitch: Float, roll: Float, fieldOfView: Float,
    width: Int, height: Int
  ) {
    self.position = position
    let ahead = Vector(cosf(yaw), sinf(yaw), 0)
    let side = Vector(sinf(yaw), -cosf(yaw), 0)
    forward = ahead * cosf(pitch) - Vector(0, 0, 1) * sinf(pitch)
    let upright = ahead * sinf(pitch) + Vector(0, 0, 1) * cosf(pitch)
    right = side * cosf(roll) + upright * sinf(roll)
    up = upright * cosf(roll) - side * sinf(roll)
    focal = Float(width) / 2 / tanf(fieldOfView / 2)
    center = Point(Float(width) / 2, Float(height) / 2)
    self.width = width
    self.height = height
  }

  /// The point relative to the camera: x to the right, y down the picture, z away from it.
  func view(_ p: Vector) -> Vector {
    let d = p - position
    return Vector(dot(d, right), -dot(d, up), dot(d, forward))
  }

  /// A direction in the axes of `view`.
  func viewDirection(_ d: Vector) -> Vector {
    Vector(dot(d, right), -dot(d, up), dot(d, forward))
  }

  func depth(_ p: Vector) -> Float { dot(p - position, forward) }

  func project(view v: Vector) -> Point {
    Point(center.x + focal * v.x / v.z, center.y + focal * v.y / v.z)
  }

  /// Where the point appears, or nil if it lies behind the near plane.
  func project(_ p: Vector) -> Point? {
    let v = view(p)
    return v.z > Self.near ? project(view: v) : nil
  }

  /// A convex polygon of the world as it appears, cut off at the near plane; maybe empty.
  func project(_ polygon: [Vector]) -> [Point] {
    var result: [Point] = []
    result.reserveCapacity(polygon.count + 1)
    guard let last = polygon.last else { return [] }
    var previous = view(last)
    for p in polygon {
      let v = view(p)
      if (v.z > Self.near) != (previous.z > Self.near) {
        let t = (Self.near - previous.z) / (v.z - previous.z)
        result.append(project(view: previous + (v - previous) * t))
      }
      if v.z > Self.near { result.append(project(view: v)) }
      previous = v
    }
    return result
  }

  /// The ray through a point of the picture, of depth one.
  @inline(__always)
  func ray(_ x: Float, _ y: Float) -> Vector {
    forward + right * ((x - center.x) / focal) - up * ((y - center.y) / focal)
  }

  /// The point of the ground seen at (x, y), and its depth; nil above the horizon.
  @inline(__always)
  func ground(_ x: Float, _ y: Float) -> (point: Point, depth: Float)? {
    let r = ray(x, y)
    guard r.z < -1e-4 else { return nil }
    let t = -position.z / r.z
    return (Point(position.x + r.x * t, position.y + r.y * t), t)
  }

  func contains(_ p: Point) -> Bool {
    p.x >= 0 && p.y >= 0 && p.x < Float(width) && p.y < Float(height)
  }
}

import Tensors

/// A scene being put together: what is drawn onto, from where, in which light, and the things that
/// still wait to be drawn from far to near.
final class SceneStage {
  let canvas: SceneCanvas
  let camera: SceneCamera
  var light: SceneLight
  let noise: NoiseTile
  private var props: [(distance: Float, draw: (SceneStage) -> Void)] = []

  init(canvas: SceneCanvas, camera: SceneCamera, light: SceneLight, noise: NoiseTile) {
    self.canvas = canvas
    self.camera = camera
    self.light = light
    self.noise = noise
  }

  /// Lets `draw` be called when everything farther than `place` has been drawn.
  func add(at place: Point, _ draw: @escaping (SceneStage) -> Void) {
    let (dx, dy) = (place.x - camera.position.x, place.y - camera.position.y)
    props.append((dx * dx + dy * dy, draw))
  }

  /// Draws what was added, the farthest first; equal distances in the order of adding.
  func drawProps() {
    let order = props.indices.sorted {
      props[$0].distance != props[$1].distance
        ? props[$0].distance > props[$1].distance : $0 < $1
    }
    for i in order { props[i].draw(self) }
    props.removeAll()
  }

  enum Finish {
    /// Plaster, cloth, wood: scatters evenly.
    case matt
    /// Like `matt`, with blotches and grain: masonry.
    case rough
    /// Car paint: a sheen of the sky and a highlight of the sun.
    case lacquer
    /// Dark, with the sky in it.
    case glass
    /// Shines by itself: the colour is what is seen.
    case glowing
  }

  /// Draws one convex face of a solid around `inside`, if it looks at the camera.
  ///
  /// - Parameter color: the albedo.
  func face(
    _ polygon: [Vector], _ color: Light, finish: Finish = .matt, inside: Vector,
    illumination: SceneLight.Illumination, object: UInt16
  ) {
    var normal = normalized(cross(polygon[1] - polygon[0], polygon[2] - polygon[0]))
    if dot(normal, polygon[0] - inside) < 0 { normal = -normal }
    let toCamera = camera.position - polygon[0]
    let facing = dot(normal, toCamera)
    guard facing > 0 else { return }
    let points = camera.project(polygon)
    guard points.count >= 3 else { return }
    let ambient = illumination.ambient * (0.72 + 0.28 * normal.z)
    let lambert = max(dot(normal, light.sun), 0)
    var seen = color * (ambient + illumination.direct * lambert)
    let distance = length(toCamera)
    switch finish {
    case .matt, .rough: break
    case .glowing: seen = color
    case .lacquer, .glass:
      let cosine = facing / distance
      let graze = (1 - cosine) * (1 - cosine)
      let reflected = normal * (2 * cosine) - toCamera / distance
      let base: Float = finish == .glass ? 0.1 : 0.03
      let share = base + (0.55 - base) * graze * (1 - cosine)
      let brightness = illumination.ambient * 1.1
      let sky = reflected.z > 0 ? brightness * (0.8 + 0.5 * reflected.z) : brightness * 0.25
      seen += (sky - seen) * share
      var highlight = max(dot(reflected, light.sun), 0)
      for _ in 0..<5 { highlight *= highlight }
      seen += illumination.direct * (highlight * (finish == .glass ? 1.5 : 0.8))
    }
    seen = light.hazed(seen, depth: distance)
    if finish == .rough {
      // The grain shrinks with the distance, as far as pixels allow.
      let fine = min(distance / 40, 0.9)
      canvas.rasterize(points, grow: 0.3) { i, x, y, coverage in
        let (u, v) = (Float(x) * fine, Float(y) * fine)
        let value = 0.86 + 0.14 * noise(u, v) + 0.14 * noise(u * 0.13 + 7, v * 0.09 + 3)
        canvas.light[i] += (seen * value - canvas.light[i]) * coverage
        if coverage > 0.5 { canvas.claimPixel(i, object) }
      }
    } else {
      canvas.fill(points, seen, object: object, grow: min(0.3, 12 / distance))
    }
  }

  /// Draws a rod with round ends.
  func rod(
    _ a: Vector, _ radiusA: Float, _ b: Vector, _ radiusB: Float, _ color: Light,
    illumination: SceneLight.Illumination, object: UInt16, grain: Float = 0
  ) {
    let (va, vb) = (camera.view(a), camera.view(b))
    guard va.z > SceneCamera.near, vb.z > SceneCamera.near else { return }
    let depth = (va.z + vb.z) / 2
    let x = depth * light.hazeDensity
    let share = 1 / (1 + x + x * x * 0.5)
    canvas.fillRod(
      from: camera.project(view: va), radius: radiusA * camera.focal / va.z,
      to: camera.project(view: vb), radius: radiusB * camera.focal / vb.z,
      sun: camera.viewDirection(light.sun),
      ambient: color * illumination.ambient * share, direct: color * illumination.direct * share,
      haze: light.hazeColor * (1 - share), object: object, grain: grain, noise: noise)
  }

  /// Where the sun throws a point onto the ground.
  func shadowPoint(_ p: Vector) -> Vector {
    let t = p.z / light.sun.z
    return Vector(p.x - light.sun.x * t, p.y - light.sun.y * t, 0)
  }

  /// The shadow on the ground of the convex hull of `points`.
  func castShadow(_ points: [Vector]) {
    guard light.sunLight.y > 0.01 else { return }
    let seen = points.map(shadowPoint).compactMap { camera.project($0) }
    // A hull with points behind the camera would be wrong: such a shadow is left out.
    guard seen.count == points.count else { return }
    canvas.darken(convexHull(seen), softness: 2, depth: light.shadowDepth)
  }

  /// The shadow on the ground of a ball or a rod.
  func castShadow(_ a: Vector, _ b: Vector, radius: Float) {
    guard light.sunLight.y > 0.01 else { return }
    castShadow(a, b, radius: radius, offsets: Self.octagon)
  }

  private func castShadow(_ a: Vector, _ b: Vector, radius: Float, offsets: [Point]) {
    var points: [Point] = []
    for p in [a, b] {
      let center = shadowPoint(p)
      for offset in offsets {
        let edge = Vector(center.x + offset.x * radius, center.y + offset.y * radius, 0)
        guard let seen = camera.project(edge) else { return }
        points.append(seen)
      }
    }
    canvas.darken(convexHull(points), softness: 2, depth: light.shadowDepth)
  }

  /// The dimness where something stands on the ground and keeps the sky out.
  func castContactShadow(_ polygon: [Vector], softness: Float, depth: Float) {
    let seen = polygon.compactMap { camera.project($0) }
    guard seen.count == polygon.count else { return }
    contact.append((convexHull(seen), softness, depth))
  }

  /// Contact shadows, laid over the lit ground.
  private(set) var contact: [(polygon: [Point], softness: Float, depth: Float)] = []

  private static let octagon: [Point] = [
    Point(1, 0), Point(0.7071, 0.7071), Point(0, 1), Point(-0.7071, 0.7071), Point(-1, 0),
    Point(-0.7071, -0.7071), Point(0, -1), Point(0.7071, -0.7071),
  ]
}

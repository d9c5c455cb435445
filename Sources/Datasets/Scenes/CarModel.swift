import Glibc
import Tensors

/// A car: a body with rounded corners, a cabin with windows, wheels, lamps and plates.
///
/// In its own axes x points to the front, y to the left, z up; the origin lies on the ground under
/// its middle. *Units:* metres.
struct CarModel {
  enum Kind {
    case hatchback, saloon, estate, offRoader, van, pickup
  }

  let kind: Kind
  let length: Float
  let width: Float
  let height: Float
  let waist: Float
  /// From the front end to the foot of the windscreen.
  let bonnet: Float
  /// From the rear end to the foot of the rear window.
  let boot: Float
  let windscreenSlant: Float
  let rearSlant: Float
  let wheelRadius: Float
  let paint: Light
  let glass: Light
  let sideWindows: Bool

  init(using random: inout Philox) {
    switch random.uniform() {
    case ..<0.36: kind = .hatchback
    case ..<0.56: kind = .saloon
    case ..<0.72: kind = .estate
    case ..<0.88: kind = .offRoader
    case ..<0.96: kind = .van
    default: kind = .pickup
    }
    let stretch = random.uniform(0.94, 1.06)
    switch kind {
    case .hatchback:
      (length, width, height, waist) = (3.95 * stretch, 1.74, 1.48, 0.92)
      (bonnet, boot, windscreenSlant, rearSlant) = (0.95, 0.12, 0.75, 0.35)
    case .saloon:
      (length, width, height, waist) = (4.6 * stretch, 1.82, 1.44, 0.92)
      (bonnet, boot, windscreenSlant, rearSlant) = (1.2, 0.75, 0.8, 0.65)
    case .estate:
      (length, width, height, waist) = (4.6 * stretch, 1.82, 1.5, 0.93)
      (bonnet, boot, windscreenSlant, rearSlant) = (1.2, 0.1, 0.8, 0.35)
    case .offRoader:
      (length, width, height, waist) = (4.45 * stretch, 1.88, 1.68, 1.06)
      (bonnet, boot, windscreenSlant, rearSlant) = (1.1, 0.12, 0.65, 0.3)
    case .van:
      (length, width, height, waist) = (4.9 * stretch, 1.92, 1.95, 1.1)
      (bonnet, boot, windscreenSlant, rearSlant) = (0.75, 0.05, 0.6, 0.06)
    case .pickup:
      (length, width, height, waist) = (5.05 * stretch, 1.88, 1.76, 1.05)
      (bonnet, boot, windscreenSlant, rearSlant) = (1.2, 1.65, 0.65, 0.12)
    }
    wheelRadius = waist * random.uniform(0.33, 0.36)
    sideWindows = kind != .van || random.chance(0.4)
    glass = screenColor(0.13, 0.14, 0.16) * random.uniform(0.5, 1.2)
    let shade = random.uniform(0.85, 1.12)
    switch random.uniform() {
    case ..<0.22: paint = screenColor(0.88, 0.88, 0.87) * shade
    case ..<0.44: paint = screenColor(0.12, 0.12, 0.13) * shade
    case ..<0.60: paint = screenColor(0.62, 0.63, 0.65) * shade
    case ..<0.72: paint = screenColor(0.36, 0.37, 0.39) * shade
    case ..<0.82: paint = screenColor(0.14, 0.24, 0.5) * shade
    case ..<0.91: paint = screenColor(0.66, 0.1, 0.1) * shade
    case ..<0.94: paint = screenColor(0.16, 0.34, 0.24) * shade
    case ..<0.96: paint = screenColor(0.85, 0.68, 0.15) * shade
    case ..<0.98: paint = screenColor(0.8, 0.38, 0.12) * shade
    default: paint = screenColor(0.5, 0.42, 0.32) * shade
    }
  }
}

/// A car at its place.
struct PlacedCar {
  let model: CarModel
  let place: Point
  private let cosine: Float
  private let sine: Float

  /// - Parameter heading: where its front points, from +x towards +y, in radians.
  init(_ model: CarModel, at place: Point, heading: Float) {
    self.model = model
    self.place = place
    cosine = cosf(heading)
    sine = sinf(heading)
  }

  func world(_ x: Float, _ y: Float, _ z: Float) -> Vector {
    Vector(place.x + cosine * x - sine * y, place.y + sine * x + cosine * y, z)
  }

  /// A ring of twelve points with rounded corners, counterclockwise seen from above. Its height
  /// goes from `zBack` to `zFront`.
  private func ring(
    back: Float, front: Float, halfWidth w: Float, zBack: Float, zFront: Float, corner: Float
  ) -> [Vector] {
    let c = corner
    let m = c * 0.29
    let outline: [Point] = [
      Point(front, -w + c), Point(front, w - c), Point(front - m, w - m), Point(front - c, w),
      Point(back + c, w), Point(back + m, w - m), Point(back, w - c), Point(back, -w + c),
      Point(back + m, -w + m), Point(back + c, -w), Point(front - c, -w), Point(front - m, -w + m),
    ]
    return outline.map { p in
      let t = (p.x - back) / (front - back)
      return world(p.x, p.y, zBack + (zFront - zBack) * t)
    }
  }

  /// The outline on the ground.
  var footprint: [Vector] {
    let (x, y) = (model.length / 2, model.width / 2)
    return [world(x, y, 0), world(-x, y, 0), world(-x, -y, 0), world(x, -y, 0)]
  }

  func castShadow(on stage: SceneStage) {
    let m = model
    let (x, y) = (m.length / 2, m.width / 2)
    var body: [Vector] = []
    for z in [Float(0.25), m.waist - 0.05] {
      for (sx, sy) in [(x - 0.1, y), (x, y - 0.25), (-x + 0.1, y), (-x, y - 0.25)] {
        body.append(world(sx, sy, z))
        body.append(world(sx, -sy, z))
      }
    }
    stage.castShadow(body)
    let (front, back) = (x - m.bonnet, -x + m.boot)
    var cabin: [Vector] = []
    for sy in [y - 0.08, -y + 0.08] {
      cabin.append(world(front, sy, m.waist))
      cabin.append(world(back, sy, m.waist))
      cabin.append(world(front - m.windscreenSlant, sy * 0.82, m.height))
      cabin.append(world(back + m.rearSlant, sy * 0.82, m.height))
    }
    stage.castShadow(cabin)
    // Under a car it is dark in any weather.
    let under = [world(x, y, 0), world(-x, y, 0), world(-x, -y, 0), world(x, -y, 0)]
    let size = stage.camera.focal / max(stage.camera.depth(world(0, 0, 0)), 1)
    stage.castContactShadow(under, softness: max(0.5 * size, 1.5), depth: 0.75)
  }

  func draw(on stage: SceneStage, object: UInt16) {
    let m = model
    let light = stage.light.illumination(x: place.x, y: place.y)
    let (x, y, waist) = (m.length / 2, m.width / 2, m.waist)
    let middle = world(0, 0, waist * 0.6)
    func face(_ p: [Vector], _ color: Light, _ finish: SceneStage.Finish, _ inside: Vector) {
      stage.face(p, color, finish: finish, inside: inside, illumination: light, object: object)
    }
    func loft(_ lower: [Vector], _ upper: [Vector], _ color: Light, _ inside: Vector) {
      for i in 0..<lower.count {
        let j = i + 1 == lower.count ? 0 : i + 1
        face([lower[i], lower[j], upper[j], upper[i]], color, .lacquer, inside)
      }
    }
    let dark = screenColor(0.07, 0.07, 0.075)

    // The wheels' far edge and the dark under the car.
    let skirt = 0.24 as Float
    let underside = [
      world(x - 0.3, y - 0.12, 0.02), world(-x + 0.3, y - 0.12, 0.02),
      world(-x + 0.3, -y + 0.12, 0.02), world(x - 0.3, -y + 0.12, 0.02),
    ]
    let top = [
      world(x - 0.1, y - 0.05, skirt), world(-x + 0.1, y - 0.05, skirt),
      world(-x + 0.1, -y + 0.05, skirt), world(x - 0.1, -y + 0.05, skirt),
    ]
    for i in 0..<4 {
      let j = (i + 1) % 4
      face([underside[i], underside[j], top[j], top[i]], dark * 0.5, .matt, middle)
    }

    // The body, from the sill up to the waist; the bonnet falls towards the front.
    let nose = waist - (m.kind == .van ? 0.12 : 0.2)
    let sill = ring(
      back: -x + 0.12, front: x - 0.14, halfWidth: y - 0.06, zBack: skirt, zFront: skirt,
      corner: 0.3)
    let bumper = ring(
      back: -x, front: x, halfWidth: y - 0.01, zBack: 0.46, zFront: 0.46, corner: 0.38)
    let flank = ring(
      back: -x + 0.02, front: x - 0.03, halfWidth: y, zBack: waist - 0.24, zFront: nose - 0.14,
      corner: 0.38)
    let shoulder = ring(
      back: -x + 0.06, front: x - 0.16, halfWidth: y - 0.05, zBack: waist, zFront: nose,
      corner: 0.34)
    loft(sill, bumper, m.paint * 0.8, middle)
    loft(bumper, flank, m.paint, middle)
    loft(flank, shoulder, m.paint, middle)
    face(shoulder, m.paint, .lacquer, middle)
    drawEnds(face, dark)
    drawWheels(face, dark)

    // The cabin stands on the body; the camera is always above the waist or far away.
    let (front, back) = (x - m.bonnet, -x + m.boot)
    let (foot, roof) = (y - 0.08, y - 0.24)
    let cabinMiddle = world((front + back) / 2, 0, (waist + m.height) / 2)
    // The foot of the windscreen lies on the sloping bonnet.
    let zFront = waist + (nose - waist) * (front + x - 0.06) / (m.length - 0.22)
    let base = ring(
      back: back, front: front, halfWidth: foot, zBack: waist - 0.02, zFront: zFront,
      corner: 0.1)
    let edge = ring(
      back: back + m.rearSlant * 0.88, front: front - m.windscreenSlant * 0.92,
      halfWidth: roof + 0.03, zBack: m.height - 0.07, zFront: m.height - 0.07, corner: 0.12)
    let crown = ring(
      back: back + m.rearSlant + 0.12, front: front - m.windscreenSlant - 0.1,
      halfWidth: roof - 0.1, zBack: m.height, zFront: m.height, corner: 0.12)
    loft(base, edge, m.paint, cabinMiddle)
    drawWindows(face, base: base, edge: edge, inside: cabinMiddle)
    loft(edge, crown, m.paint, cabinMiddle)
    face(crown, m.paint, .lacquer, cabinMiddle)
    if m.kind == .pickup {
      let bed = [
        world(back - 0.1, y - 0.18, waist + 0.01), world(-x + 0.15, y - 0.18, waist + 0.01),
        world(-x + 0.15, -y + 0.18, waist + 0.01), world(back - 0.1, -y + 0.18, waist + 0.01),
      ]
      face(bed, dark, .matt, middle)
    }
  }

  private typealias Face = (_ p: [Vector], _ color: Light, _ finish: SceneStage.Finish, Vector) ->
    Void

  /// Windscreen, rear window and the side windows, as panels set into the cabin's sides.
  private func drawWindows(_ face: Face, base: [Vector], edge: [Vector], inside: Vector) {
    func panel(
      _ a: Int, _ b: Int, from u0: Float, to u1: Float, bottom v0: Float = 0.12,
      top v1: Float = 0.92
    ) {
      func at(_ u: Float, _ v: Float) -> Vector {
        let low = base[a] + (base[b] - base[a]) * u
        let high = edge[a] + (edge[b] - edge[a]) * u
        return low + (high - low) * v
      }
      face([at(u0, v0), at(u1, v0), at(u1, v1), at(u0, v1)], model.glass, .glass, inside)
    }
    panel(0, 1, from: 0, to: 1, bottom: 0.08)
    if model.kind != .van || model.sideWindows { panel(6, 7, from: 0.03, to: 0.97, bottom: 0.25) }
    // The left side runs from point 3 (front) to 4, the right from 9 (rear) to 10.
    let pillar: Float = model.kind == .pickup ? 0.95 : 0.48
    panel(3, 4, from: 0.05, to: model.sideWindows ? pillar : 0.3)
    panel(9, 10, from: 1 - (model.sideWindows ? pillar : 0.3), to: 0.95)
    if model.sideWindows && model.kind != .pickup {
      let last: Float = model.kind == .estate ? 0.97 : 0.92
      panel(3, 4, from: pillar + 0.04, to: last)
      panel(9, 10, from: 1 - last, to: 1 - pillar - 0.04)
    }
  }

  private func drawWheels(_ face: Face, _ dark: Light) {
    let r = model.wheelRadius
    for side in [Float(1), -1] {
      for axle in [model.length / 2 - 0.82, -model.length / 2 + 0.75] {
        let inside = world(axle, 0, r)
        let y = side * (model.width / 2 + 0.01)
        func disc(_ radius: Float, _ offset: Float) -> [Vector] {
          Self.circle.map {
            world(axle + $0.x * radius, y + side * offset, r + $0.y * radius)
          }
        }
        face(disc(r * 1.13, 0), dark * 0.6, .matt, inside)
        face(disc(r, 0.004), dark * 1.6, .matt, inside)
        face(disc(r * 0.62, 0.008), screenColor(0.5, 0.5, 0.52), .matt, inside)
        face(disc(r * 0.2, 0.01), dark * 3, .matt, inside)
      }
    }
  }

  private func drawEnds(_ face: Face, _ dark: Light) {
    let (x, y) = (model.length / 2, model.width / 2)
    let inside = world(0, 0, model.waist * 0.6)
    func plate(
      _ x: Float, _ y0: Float, _ y1: Float, _ z0: Float, _ z1: Float, _ color: Light,
      _ finish: SceneStage.Finish
    ) {
      face(
        [world(x, y0, z0), world(x, y1, z0), world(x, y1, z1), world(x, y0, z1)], color, finish,
        inside)
    }
    let low = model.waist - 0.4
    plate(x + 0.005, -y + 0.55, y - 0.55, 0.34, 0.5, dark, .matt)
    plate(x + 0.005, -y + 0.5, y - 0.5, low, low + 0.12, dark, .glass)
    plate(x + 0.012, -0.26, 0.26, 0.42, 0.53, screenColor(0.85, 0.85, 0.83), .matt)
    plate(-x - 0.012, -0.26, 0.26, 0.52, 0.63, screenColor(0.85, 0.83, 0.75), .matt)
    let lamp = screenColor(0.85, 0.87, 0.9)
    let tail = screenColor(0.6, 0.06, 0.05)
    for side in [Float(1), -1] {
      plate(x - 0.02, side * (y - 0.4), side * (y - 0.1), low - 0.02, low + 0.16, lamp, .glass)
      plate(-x - 0.008, side * (y - 0.35), side * (y - 0.06), low, low + 0.22, tail, .glass)
    }
  }

  private static let circle: [Point] = [
    Point(1, 0), Point(0.866, 0.5), Point(0.5, 0.866), Point(0, 1), Point(-0.5, 0.866),
    Point(-0.866, 0.5), Point(-1, 0), Point(-0.866, -0.5), Point(-0.5, -0.866), Point(0, -1),
    Point(0.5, -0.866), Point(0.866, -0.5),
  ]
}

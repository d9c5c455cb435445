import Glibc
import Tensors

/// A ball of leaves on a trunk.
struct Tree {
  let place: Point
  let height: Float
  let crownRadius: Float
  let leaves: Light
  private let tufts: [(offset: Vector, radius: Float, shade: Float)]
  private let crown: Vector

  init(at place: Point, height: Float, using random: inout Philox) {
    self.place = place
    self.height = height
    crownRadius = height * random.uniform(0.24, 0.36)
    let hue = random.uniform()
    leaves =
      random.chance(0.85)
      ? screenColor(0.24 + 0.14 * hue, 0.38, 0.16) : screenColor(0.55, 0.36 + 0.1 * hue, 0.14)
    crown = Vector(place.x, place.y, height - crownRadius)
    var tufts: [(offset: Vector, radius: Float, shade: Float)] = []
    for _ in 0..<110 {
      var p = Vector(random.bell(0.45), random.bell(0.45), random.bell(0.42))
      let size = length(p)
      if size > 0.92 { p *= 0.92 / size }
      tufts.append(
        (p * crownRadius, crownRadius * random.uniform(0.1, 0.24), random.uniform(0.55, 1.4)))
    }
    self.tufts = tufts
  }

  func castShadow(on stage: SceneStage) {
    let foot = Vector(place.x, place.y, 0)
    stage.castShadow(foot, crown, radius: height * 0.02)
    for tuft in tufts {
      let p = crown + tuft.offset
      stage.castShadow(p, p, radius: tuft.radius)
    }
  }

  func draw(on stage: SceneStage, object: UInt16) {
    let light = stage.light.illumination(x: place.x, y: place.y)
    stage.rod(
      Vector(place.x, place.y, 0), height * 0.025, crown, height * 0.012,
      screenColor(0.3, 0.25, 0.2), illumination: light, object: object, grain: 0.6)
    // Far tufts first, dark ones inside.
    let order = tufts.indices.sorted {
      let (a, b) = (
        stage.camera.depth(crown + tufts[$0].offset),
        stage.camera.depth(crown + tufts[$1].offset)
      )
      return a != b ? a > b : $0 < $1
    }
    for i in order {
      let tuft = tufts[i]
      let p = crown + tuft.offset
      let depth = 0.75 + 0.35 * tuft.offset.z / crownRadius
      stage.rod(
        p, tuft.radius, p, tuft.radius, leaves * (tuft.shade * depth), illumination: light,
        object: object, grain: 1.3)
    }
  }
}

/// Simple things of streets and squares.
enum Furniture {
  /// A lamp on a pole; `lit` lamps shine.
  static func drawLamp(
    at place: Point, height: Float, arm: Point, lit: Bool, on stage: SceneStage, object: UInt16
  ) {
    let light = stage.light.illumination(x: place.x, y: place.y)
    let metal = screenColor(0.42, 0.43, 0.44)
    let top = Vector(place.x, place.y, height)
    let end = Vector(place.x + arm.x, place.y + arm.y, height + 0.1)
    stage.rod(
      Vector(place.x, place.y, 0), 0.09, top, 0.06, metal, illumination: light, object: object)
    stage.rod(top, 0.05, end, 0.04, metal, illumination: light, object: object)
    var glow = light
    if lit { glow.ambient = Light(30, 27, 22, 0) }
    stage.rod(
      end, 0.12, end + Vector(arm.x, arm.y, 0) * 0.3, 0.1, screenColor(0.8, 0.8, 0.78),
      illumination: glow, object: object)
  }

  static func castLampShadow(at place: Point, height: Float, arm: Point, on stage: SceneStage) {
    let top = Vector(place.x, place.y, height)
    stage.castShadow(Vector(place.x, place.y, 0), top, radius: 0.08)
    stage.castShadow(top, Vector(place.x + arm.x, place.y + arm.y, height), radius: 0.06)
  }

  /// The eight corners of a box that stands on (or above) the ground, turned by `heading`.
  static func box(
    at place: Point, size: Vector, heading: Float, above: Float = 0
  ) -> (low: [Vector], high: [Vector]) {
    let (c, s) = (cosf(heading), sinf(heading))
    let corners = [(1, 1), (-1, 1), (-1, -1), (1, -1)].map { (a: Int, b: Int) in
      let (x, y) = (size.x / 2 * Float(a), size.y / 2 * Float(b))
      return Point(place.x + c * x - s * y, place.y + s * x + c * y)
    }
    return (
      corners.map { Vector($0.x, $0.y, above) }, corners.map { Vector($0.x, $0.y, above + size.z) }
    )
  }

  static func drawBox(
    at place: Point, size: Vector, heading: Float, above: Float = 0, _ color: Light,
    on stage: SceneStage, object: UInt16
  ) {
    let light = stage.light.illumination(x: place.x, y: place.y)
    let (low, high) = box(at: place, size: size, heading: heading, above: above)
    let inside = Vector(place.x, place.y, above + size.z / 2)
    for i in 0..<4 {
      let j = (i + 1) % 4
      stage.face(
        [low[i], low[j], high[j], high[i]], color, inside: inside, illumination: light,
        object: object)
    }
    stage.face(high, color, inside: inside, illumination: light, object: object)
  }

  static func castBoxShadow(
    at place: Point, size: Vector, heading: Float, above: Float = 0, on stage: SceneStage
  ) {
    let (low, high) = box(at: place, size: size, heading: heading, above: above)
    stage.castShadow(low + high)
    if above < 0.5 { stage.castContactShadow(low, softness: 4, depth: 0.5) }
  }
}

/// A house front: a wall with rows of windows, maybe a shop below.
struct Facade {
  let from: Point
  let to: Point
  let height: Float
  let wall: Light
  let storeyHeight: Float
  let windowWidth: Float
  let windowPitch: Float
  let shop: Bool
  let trim: Light
  /// One number for each window, for blinds, curtains and lit rooms.
  private let variety: [Float]

  init(from: Point, to: Point, height: Float, using random: inout Philox) {
    self.from = from
    self.to = to
    self.height = height
    let level = random.uniform(0.4, 0.85)
    switch random.integer(below: 4) {
    case 0: wall = screenColor(level, level * 0.97, level * 0.9)
    case 1: wall = screenColor(level, level * 0.82, level * 0.62)
    case 2: wall = screenColor(level * 0.75, level * 0.46, level * 0.38)
    default: wall = screenColor(level * 0.9, level * 0.94, level)
    }
    storeyHeight = random.uniform(2.8, 3.6)
    windowPitch = random.uniform(1.9, 3.4)
    windowWidth = windowPitch * random.uniform(0.4, 0.8)
    shop = random.chance(0.4)
    trim = random.chance(0.5) ? screenColor(0.85, 0.84, 0.8) : wall * 0.55
    variety = (0..<97).map { _ in random.uniform() }
  }

  func draw(on stage: SceneStage, inside: Point) {
    let along = to - from
    let size = (along.x * along.x + along.y * along.y).squareRoot()
    guard size > 1 else { return }
    let unit = along / size
    let back = Vector(inside.x, inside.y, height / 2)
    let light = stage.light.illumination(
      x: (from.x + to.x) / 2, y: (from.y + to.y) / 2)
    let night = stage.light.weather == .night
    func panel(
      _ u0: Float, _ u1: Float, _ z0: Float, _ z1: Float, _ color: Light,
      _ finish: SceneStage.Finish = .matt
    ) {
      let (a, b) = (from + unit * u0, from + unit * u1)
      stage.face(
        [Vector(a.x, a.y, z0), Vector(b.x, b.y, z0), Vector(b.x, b.y, z1), Vector(a.x, a.y, z1)],
        color, finish: finish, inside: back, illumination: light, object: 0)
    }
    // The wall in pieces, so that haze and light change along it.
    let pieces = max(1, Int(size / 6))
    for i in 0..<pieces {
      let (u0, u1) = (size * Float(i) / Float(pieces), size * Float(i + 1) / Float(pieces))
      panel(u0, u1, 0, height, wall * (0.94 + 0.12 * variety[i % 97]), .rough)
    }
    panel(0, size, 0, 0.5, wall * 0.6)
    let glass = screenColor(0.2, 0.23, 0.27)
    let storeys = max(1, Int(height / storeyHeight))
    let columns = max(1, Int((size - 0.6) / windowPitch))
    let margin = (size - Float(columns) * windowPitch) / 2
    for storey in 0..<storeys {
      let floor = Float(storey) * storeyHeight
      for column in 0..<columns {
        let middle = margin + (Float(column) + 0.5) * windowPitch
        let number = variety[(storey * 31 + column * 7) % 97]
        var (u0, u1) = (middle - windowWidth / 2, middle + windowWidth / 2)
        var (z0, z1) = (floor + 0.95, floor + 2.35)
        if storey == 0 && shop {
          (u0, u1) = (middle - windowPitch * 0.45, middle + windowPitch * 0.45)
          (z0, z1) = (0.35, 2.6)
        }
        if storey == 0 && number > 0.84 { z0 = 0.02 }
        panel(u0 - 0.1, u1 + 0.1, z0 - 0.1, z1 + 0.1, trim)
        let lit = number > (night ? 0.6 : 0.97)
        if lit {
          panel(u0, u1, z0, z1, Light(0.75, 0.55, 0.3, 0) * (night ? 0.5 : 0.7), .glowing)
        } else {
          panel(u0, u1, z0, z1, glass * (0.4 + number), .glass)
          if number < 0.25 { panel(u0, u1, (z0 + z1) / 2, z1, screenColor(0.75, 0.72, 0.66)) }
        }
      }
    }
    panel(0, size, height - 0.25, height, trim * 0.8)
  }
}

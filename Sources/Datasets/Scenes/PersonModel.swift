import Glibc
import Tensors

/// A person in clothes, in the middle of a step or standing.
///
/// The figure is made of rods (limbs, head) and hulls (trunk, skirt, coat), all proportional to the
/// height. In its own axes x points ahead, y to the left, z up. *Units:* metres.
struct PersonModel {
  /// A piece of the figure: the convex hull of a few balls.
  private struct Part {
    var balls: [(center: Vector, radius: Float)]
    var color: Light
    var grain: Float
    /// How far behind the clothes over it a part is drawn. *Units:* metres.
    var covered: Float = 0
  }

  let place: Point
  let height: Float
  private var parts: [Part] = []

  /// - Parameter heading: where the person looks, from +x towards +y, in radians.
  init(at place: Point, heading: Float, using random: inout Philox) {
    self.place = place
    let child = random.chance(0.12)
    height = child ? random.uniform(1.0, 1.45) : random.uniform(1.53, 1.92)
    let h = height
    let build = random.uniform(0.9, 1.28)
    let (c, s) = (cosf(heading), sinf(heading))
    func world(_ x: Float, _ y: Float, _ z: Float) -> Vector {
      Vector(place.x + (c * x - s * y) * h, place.y + (s * x + c * y) * h, z * h)
    }

    // Colours.
    let skin = random.pick(Self.skins) * random.uniform(0.85, 1.1)
    let hair = random.pick(Self.hairs)
    let upper = Self.cloth(&random)
    let lower = random.chance(0.7) ? Self.darkCloth(&random) : Self.cloth(&random)
    let shoes =
      random.chance(0.75) ? screenColor(0.13, 0.12, 0.12) : screenColor(0.8, 0.8, 0.78)
    let dress = random.uniform()
    let shorts = dress < 0.12
    let skirt = dress >= 0.12 && dress < 0.24
    let coat = dress >= 0.24 && dress < 0.42
    let shortSleeves = !coat && random.chance(0.35)

    // The step: thighs swing against each other, the knee of the rear leg bends.
    let standing = random.chance(0.28)
    let swing = standing ? random.uniform(0.02, 0.1) : random.uniform(0.22, 0.5)
    let phase = random.uniform(-1, 1)
    let side: Float = random.chance(0.5) ? 1 : -1
    var legs: [(hip: Point, knee: Point, ankle: Point, y: Float)] = []
    for leg in [Float(1), -1] {
      let thigh = swing * phase * leg * side
      let lifted: Float = leg > 0 ? 0.5 * (1 - abs(phase)) : 0
      let bend = standing ? 0.04 : max(0, -thigh) * 0.9 + 0.12 + lifted
      let knee = Point(sinf(thigh) * 0.25, 0.5 - cosf(thigh) * 0.25)
      let shin = thigh - bend
      let ankle = Point(knee.x + sinf(shin) * 0.225, knee.y - cosf(shin) * 0.225)
      legs.append((Point(0, 0.5), knee, ankle, leg * 0.052 * build))
    }
    let drop = min(legs[0].ankle.y, legs[1].ankle.y) - 0.035
    let thick = build * 0.95
    for leg in legs {
      let (y, z) = (leg.y, -drop)
      let trousers = shorts || skirt ? skin : lower
      let thighColor = skirt ? skin : lower
      let knee = world(leg.knee.x, y, leg.knee.y + z)
      let ankle = world(leg.ankle.x, y * 0.9, leg.ankle.y + z)
      let loose: Float = shorts || skirt ? 0.8 : random.uniform(0.95, 1.25)
      parts.append(
        Part(
          balls: [
            (world(leg.hip.x, y, leg.hip.y + z), 0.055 * thick * h), (knee, 0.04 * thick * h),
          ], color: thighColor, grain: 0.5, covered: 0.5))
      parts.append(
        Part(
          balls: [(knee, 0.039 * thick * h), (ankle, 0.026 * loose * h)], color: trousers,
          grain: 0.5, covered: 0.5))
      let toe = world(leg.ankle.x + 0.075, y, max(leg.ankle.y + z - 0.018, 0.016))
      let heel = world(leg.ankle.x - 0.02, y, leg.ankle.y + z - 0.015)
      parts.append(
        Part(balls: [(heel, 0.024 * h), (toe, 0.017 * h)], color: shoes, grain: 0, covered: 0.45))
    }

    // Trunk. A light lean forward when walking.
    let lean = standing ? 0 : swing * 0.08
    let raise = -drop
    let shoulderHeight = 0.815 + raise
    let shoulder = 0.098 * build
    let trunkColor = upper
    parts.append(
      Part(
        balls: [
          (world(lean, 0, shoulderHeight + 0.012), 0.03 * h),
          (world(lean, shoulder, shoulderHeight - 0.035), 0.034 * h),
          (world(lean, -shoulder, shoulderHeight - 0.035), 0.034 * h),
          (world(lean * 0.5, 0.055 * build, 0.62 + raise), 0.05 * build * h),
          (world(lean * 0.5, -0.055 * build, 0.62 + raise), 0.05 * build * h),
          (world(0, 0.05 * build, 0.51 + raise), 0.055 * build * h),
          (world(0, -0.05 * build, 0.51 + raise), 0.055 * build * h),
        ], color: trunkColor, grain: 0.6))
    if skirt || coat {
      let hem: Float = coat ? random.uniform(0.3, 0.42) : random.uniform(0.24, 0.4)
      let flare = (coat ? 0.07 : 0.085) * build
      parts.append(
        Part(
          balls: [
            (world(0, 0.05 * build, 0.56 + raise), 0.05 * build * h),
            (world(0, -0.05 * build, 0.56 + raise), 0.05 * build * h),
            (world(swing * 0.12, flare, hem + raise), 0.04 * h),
            (world(-swing * 0.12, -flare, hem + raise), 0.04 * h),
          ], color: coat ? upper : lower, grain: 0.7,
          covered: coat ? -0.02 : 0.2))
    }

    // Arms swing against the legs.
    let onPhone = random.chance(0.12)
    for arm in [Float(1), -1] {
      let angle = standing ? random.bell(0.08) : -swing * 0.8 * phase * arm * side
      var fore = angle + random.uniform(0.1, 0.6)
      if onPhone && arm > 0 { fore = random.uniform(1.6, 2.2) }
      let y = arm * (shoulder + 0.018)
      let elbow = Point(lean + sinf(angle) * 0.165, shoulderHeight - 0.04 - cosf(angle) * 0.165)
      let hand = Point(elbow.x + sinf(fore) * 0.15, elbow.y - cosf(fore) * 0.15)
      let elbowPoint = world(elbow.x, y + arm * 0.015, elbow.y)
      let handPoint = world(hand.x, y + arm * 0.005, hand.y)
      parts.append(
        Part(
          balls: [
            (world(lean, y, shoulderHeight - 0.042), 0.033 * build * h),
            (elbowPoint, 0.027 * build * h),
          ], color: upper, grain: 0.5))
      parts.append(
        Part(
          balls: [(elbowPoint, 0.025 * build * h), (handPoint, 0.019 * h)],
          color: shortSleeves ? skin : upper, grain: 0.4))
      parts.append(
        Part(
          balls: [(handPoint, 0.022 * h), (handPoint + Vector(0, 0, -0.02 * h), 0.018 * h)],
          color: skin, grain: 0))
      if arm > 0 && !onPhone && random.chance(0.25) {
        // A bag hangs from the hand.
        let bag = Self.cloth(&random)
        let (bx, bz) = (hand.x, hand.y - 0.13)
        let size = random.uniform(0.045, 0.075)
        parts.append(
          Part(
            balls: [
              (world(bx + size, y + 0.03, bz + size), 0.02 * h),
              (world(bx - size, y + 0.03, bz + size), 0.02 * h),
              (world(bx + size, y + 0.03, bz - size), 0.02 * h),
              (world(bx - size, y + 0.03, bz - size), 0.02 * h),
            ], color: bag, grain: 0.4))
      }
    }
    if random.chance(0.2) {
      let pack = Self.cloth(&random)
      parts.append(
        Part(
          balls: [
            (world(lean - 0.085, 0.04, 0.78 + raise), 0.045 * h),
            (world(lean - 0.085, -0.04, 0.78 + raise), 0.045 * h),
            (world(lean - 0.085, 0.04, 0.64 + raise), 0.05 * h),
            (world(lean - 0.085, -0.04, 0.64 + raise), 0.05 * h),
          ], color: pack, grain: 0.5))
    }

    // Neck, head, hair.
    let big: Float = child ? 1.25 : 1
    let headHeight = 0.925 + raise - (child ? 0.01 : 0)
    let head = 0.047 * big
    parts.append(
      Part(
        balls: [
          (world(lean, 0, shoulderHeight), 0.03 * h),
          (world(lean + 0.005, 0, headHeight - 0.05), 0.028 * h),
        ], color: skin * 0.9, grain: 0))
    parts.append(
      Part(
        balls: [
          (world(lean + 0.014, 0, headHeight + 0.012), head * h),
          (world(lean + 0.018, 0, headHeight - 0.03), head * 0.8 * h),
        ], color: skin, grain: 0.2))
    let covered = random.uniform()
    let hairColor = covered < 0.12 ? Self.cloth(&random) : hair
    if covered < 0.94 {
      parts.append(
        Part(
          balls: [
            (world(lean - 0.004, 0, headHeight + 0.026), head * 1.04 * h),
            (world(lean - 0.014, 0, headHeight - 0.004), head * 0.98 * h),
          ], color: hairColor, grain: 0.8))
    }
    if covered > 0.12 && covered < 0.45 {
      parts.append(
        Part(
          balls: [
            (world(lean - 0.026, 0, headHeight), head * 0.95 * h),
            (world(lean - 0.034, 0, headHeight - random.uniform(0.06, 0.14)), head * 0.8 * h),
          ], color: hair, grain: 0.9))
    }
  }

  func castShadow(on stage: SceneStage) {
    for part in parts {
      let balls = part.balls
      stage.castShadow(balls[0].center, balls[balls.count - 1].center, radius: balls[0].radius)
      if balls.count > 2 {
        stage.castShadow(balls[1].center, balls[balls.count - 2].center, radius: balls[0].radius)
      }
    }
    let r = 0.2 * height
    let feet = [
      Vector(place.x + r, place.y, 0), Vector(place.x, place.y + r, 0),
      Vector(place.x - r, place.y, 0), Vector(place.x, place.y - r, 0),
    ]
    let size = stage.camera.focal / max(stage.camera.depth(feet[0]), 1)
    stage.castContactShadow(feet, softness: max(0.3 * size, 1.5), depth: 0.4)
  }

  func draw(on stage: SceneStage, object: UInt16) {
    let light = stage.light.illumination(x: place.x, y: place.y)
    // A part is as far as the middle of its balls; what clothes cover counts as farther.
    let depths = parts.map { part in
      let share = 1 / Float(part.balls.count)
      return part.balls.reduce(part.covered) { $0 + stage.camera.depth($1.center) * share }
    }
    let order = parts.indices.sorted {
      depths[$0] != depths[$1] ? depths[$0] > depths[$1] : $0 < $1
    }
    for i in order {
      let part = parts[i]
      if part.balls.count == 2 {
        let (a, b) = (part.balls[0], part.balls[1])
        stage.rod(
          a.center, a.radius, b.center, b.radius, part.color, illumination: light, object: object,
          grain: part.grain)
      } else {
        stage.hull(
          part.balls, part.color, illumination: light, object: object, grain: part.grain)
      }
    }
  }

  /// The box `x0, y0, x1, y1` of the whole figure in the picture's plane, also beyond its edges;
  /// nil if a part lies behind the camera.
  func extent(_ camera: SceneCamera) -> SIMD4<Float>? {
    var corners: [Point] = []
    for part in parts {
      for ball in part.balls {
        let v = camera.view(ball.center)
        guard v.z > SceneCamera.near else { return nil }
        let p = camera.project(view: v)
        let r = ball.radius * camera.focal / v.z
        corners.append(p - r)
        corners.append(p + r)
      }
    }
    return bounds(corners)
  }

  private static let skins = [
    screenColor(0.88, 0.72, 0.62), screenColor(0.8, 0.63, 0.52), screenColor(0.66, 0.49, 0.38),
    screenColor(0.45, 0.32, 0.25), screenColor(0.32, 0.22, 0.17),
  ]
  private static let hairs = [
    screenColor(0.1, 0.09, 0.08), screenColor(0.1, 0.09, 0.08), screenColor(0.25, 0.17, 0.12),
    screenColor(0.4, 0.28, 0.18), screenColor(0.7, 0.58, 0.4), screenColor(0.6, 0.6, 0.6),
  ]

  private static func cloth(_ random: inout Philox) -> Light {
    if random.chance(0.45) { return darkCloth(&random) }
    if random.chance(0.3) {
      let level = random.uniform(0.65, 0.9)
      return screenColor(level, level, level - 0.02)
    }
    // A colour of full hue, mixed with gray.
    let hue = random.uniform(0, 6)
    let (strength, level) = (random.uniform(0.25, 0.85), random.uniform(0.35, 0.8))
    func channel(_ shift: Float) -> Float {
      var t = hue + shift
      if t >= 6 { t -= 6 }
      let full = clamp01(abs(t - 3) - 1)
      return level * (1 - strength * (1 - full))
    }
    return screenColor(channel(0), channel(4), channel(2))
  }

  private static func darkCloth(_ random: inout Philox) -> Light {
    let level = random.uniform(0.1, 0.3)
    let blue: Float = random.chance(0.5) ? random.uniform(0, 0.18) : 0
    return screenColor(level, level + blue * 0.35, level + blue)
  }
}

extension SceneStage {
  /// Draws the convex hull of a few balls, rounded from side to side.
  func hull(
    _ balls: [(center: Vector, radius: Float)], _ color: Light,
    illumination: SceneLight.Illumination, object: UInt16, grain: Float
  ) {
    var points: [Point] = []
    points.reserveCapacity(balls.count * 12)
    var depth: Float = 0
    var middle = Point.zero
    for ball in balls {
      let v = camera.view(ball.center)
      guard v.z > SceneCamera.near else { return }
      let p = camera.project(view: v)
      let r = ball.radius * camera.focal / v.z
      for k in 0..<12 { points.append(p + Self.dozen[k] * r) }
      depth += v.z / Float(balls.count)
      middle += p / Float(balls.count)
    }
    let outline = convexHull(points)
    guard outline.count >= 3, let box = bounds(outline) else { return }
    let sun = camera.viewDirection(light.sun)
    let ambient = color * illumination.ambient
    let direct = color * illumination.direct
    let halfWidth = max((box[2] - box[0]) / 2, 0.5)
    let center = (box[0] + box[2]) / 2
    let x = depth * light.hazeDensity
    let share = 1 / (1 + x + x * x * 0.5)
    canvas.rasterize(outline) { i, x, y, coverage in
      let nx = min(max((Float(x) + 0.5 - center) / halfWidth, -1), 1) * 0.95
      let nz = (1 - nx * nx).squareRoot()
      let lit = max(nx * sun.x - nz * sun.z - 0.15 * sun.y, 0)
      var seen = ambient * (0.66 + 0.2 * nz) + direct * lit
      if grain > 0 {
        // Folds run down the cloth, so the noise is stretched.
        let fold = noise(
          (Float(x) - middle.x) / halfWidth * 3 + middle.x, Float(y) / halfWidth * 1.2 + middle.y)
        seen *= 1 + grain * (fold - 0.5)
      }
      seen = light.hazeColor + (seen - light.hazeColor) * share
      canvas.light[i] += (seen - canvas.light[i]) * coverage
      if coverage > 0.5 { canvas.claimPixel(i, object) }
    }
  }

  private static let dozen: [Point] = [
    Point(1, 0), Point(0.866, 0.5), Point(0.5, 0.866), Point(0, 1), Point(-0.5, 0.866),
    Point(-0.866, 0.5), Point(-1, 0), Point(-0.866, -0.5), Point(-0.5, -0.866), Point(0, -1),
    Point(0.5, -0.866), Point(0.866, -0.5),
  ]
}

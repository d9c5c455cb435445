import Glibc
import Tensors

/// Draws people in a street or on a square, seen from eye level up to a first-floor window, and
/// gives a box for each of them: the extent of the whole figure, cut at the picture's edges.
struct PedestrianScene {
  /// A person is left out if less than this share of the whole figure can be seen.
  static let leastVisible: Float = 0.25

  /// The ground across the street, which runs along x. *Units:* metres.
  struct Plan {
    /// The house fronts at both sides; far away on a square.
    var walls: ClosedRange<Float>
    /// The carriageway; nil on a square.
    var road: ClosedRange<Float>?
    /// Where a zebra crossing starts and ends.
    var crossing: ClosedRange<Float>?
    var lawn: ClosedRange<Float>?
  }

  let plan: Plan
  let stage: SceneStage
  var people: [(model: PersonModel, object: UInt16)] = []
  var cars: [PlacedCar] = []
  var trees: [Tree] = []
  var lamps: [(place: Point, height: Float, arm: Point)] = []
  var posts: [(place: Point, height: Float, radius: Float, color: Light)] = []
  var boxes: [(place: Point, size: Vector, heading: Float, above: Float, color: Light)] =
    []
  /// What takes up ground: people and things keep apart.
  var taken: [(place: Point, radius: Float)] = []

  static func draw(
    on canvas: SceneCanvas, noise: NoiseTile, using random: inout Philox
  ) -> (stage: SceneStage, boxes: [LabeledBox]) {
    let light = SceneLight(using: &random)
    let plan = makePlan(using: &random)
    let camera = placeCamera(in: plan, canvas: canvas, using: &random)
    var scene = PedestrianScene(
      plan: plan, stage: SceneStage(canvas: canvas, camera: camera, light: light, noise: noise))
    let boxes = scene.draw(using: &random)
    return (scene.stage, boxes)
  }

  /// Somewhere between the walls, most often looking along the street; of a few tries the one that
  /// sees most ground to walk on.
  private static func placeCamera(
    in plan: Plan, canvas: SceneCanvas, using random: inout Philox
  ) -> SceneCamera {
    var best: (camera: SceneCamera, open: Int)?
    for _ in 0..<6 {
      var y = random.uniform(-4, 4)
      if let road = plan.road {
        y = random.uniform(
          max(plan.walls.lowerBound + 1.2, road.lowerBound - 5),
          min(plan.walls.upperBound - 1.2, road.upperBound + 5))
      }
      let height = random.chance(0.6) ? random.uniform(1.35, 2.4) : random.uniform(2.4, 5.5)
      let along = (random.chance(0.5) ? 0 : Float.pi) + random.bell(0.5)
      let camera = SceneCamera(
        position: Vector(0, y, height),
        yaw: random.chance(0.6) ? along : random.uniform(0, 2 * .pi),
        pitch: (height - 1.5) * random.uniform(0.05, 0.1) + random.bell(0.04),
        roll: random.bell(0.02), fieldOfView: random.uniform(0.8, 1.35), width: canvas.width,
        height: canvas.height)
      var open = 0
      for (row, distance) in [Float(4), 7, 11, 16].enumerated() {
        for column in -2...2 {
          let aside = Float(column) * 0.2 * Float(canvas.width) / camera.focal * distance
          let p = camera.position + camera.forward * distance + camera.right * aside
          if p.y > plan.walls.lowerBound + 0.5 && p.y < plan.walls.upperBound - 0.5 {
            open += row == 0 ? 2 : 1
          }
        }
      }
      if open > best?.open ?? -1 { best = (camera, open) }
      if open >= 16 { break }
    }
    return best!.camera
  }

  private init(plan: Plan, stage: SceneStage) {
    self.plan = plan
    self.stage = stage
    let camera = stage.camera.position
    taken = [(Point(camera.x, camera.y), 1.6)]
  }

  private static func makePlan(using random: inout Philox) -> Plan {
    if random.chance(0.3) {
      let lawn = random.chance(0.6) ? random.uniform(2, 7) : nil as Float?
      return Plan(
        walls: -random.uniform(14, 40)...random.uniform(14, 40), road: nil, crossing: nil,
        lawn: lawn.map { $0...($0 + random.uniform(4, 15)) })
    }
    let half = random.uniform(3, 5.5)
    let crossing = random.chance(0.4) ? random.uniform(-12, 12) : nil as Float?
    return Plan(
      walls: -(half + random.uniform(3, 7))...(half + random.uniform(3, 7)),
      road: -half...half, crossing: crossing.map { $0...($0 + 4) }, lawn: nil)
  }

  private mutating func draw(using random: inout Philox) -> [LabeledBox] {
    placeThings(using: &random)
    placePeople(using: &random)
    paintGround(using: &random)
    castShadows()
    stage.lightGround()
    drawFacades(using: &random)

    let other = stage.canvas.newObject()
    for person in people {
      stage.add(at: person.model.place) { person.model.draw(on: $0, object: person.object) }
    }
    for car in cars { stage.add(at: car.place) { car.draw(on: $0, object: other) } }
    for tree in trees { stage.add(at: tree.place) { tree.draw(on: $0, object: other) } }
    for lamp in lamps {
      stage.add(at: lamp.place) {
        Furniture.drawLamp(
          at: lamp.place, height: lamp.height, arm: lamp.arm, lit: !$0.light.lamps.isEmpty,
          on: $0, object: other)
      }
    }
    for post in posts {
      stage.add(at: post.place) {
        $0.rod(
          Vector(post.place.x, post.place.y, 0), post.radius,
          Vector(post.place.x, post.place.y, post.height), post.radius, post.color,
          illumination: $0.light.illumination(x: post.place.x, y: post.place.y), object: other)
      }
    }
    for box in boxes {
      stage.add(at: box.place) {
        Furniture.drawBox(
          at: box.place, size: box.size, heading: box.heading, above: box.above, box.color,
          on: $0, object: other)
      }
    }
    stage.drawProps()
    return labeledBoxes()
  }

  // MARK: The ground and the houses

  private func paintGround(using random: inout Philox) {
    let noise = stage.noise
    let pavement = GroundMaterial(
      random.pick(
        plan.road == nil
          ? [.slabs, .slabs, .bricks, .concrete, .asphalt, .gravel]
          : [.slabs, .slabs, .bricks, .asphalt, .concrete]), using: &random)
    let asphalt = GroundMaterial(random.chance(0.85) ? .asphalt : .bricks, using: &random)
    let grass = GroundMaterial(.grass, using: &random)
    let kerbStone = screenColor(0.62, 0.61, 0.58) * random.uniform(0.7, 1.1)
    let road = plan.road ?? 1e6...1e6
    let lawn = plan.lawn
    stage.paintGround { x, y, footprint in
      let toRoad = min(y - road.lowerBound, road.upperBound - y)
      let inRoad = clamp01(toRoad / footprint + 0.5)
      var color = Light.zero
      if inRoad < 1 {
        var onLawn: Float = 0
        if let lawn {
          onLawn = clamp01(min(y - lawn.lowerBound, lawn.upperBound - y) / footprint + 0.5)
        }
        if onLawn < 1 { color = pavement.albedo(noise, x, y, footprint: footprint) }
        if onLawn > 0 {
          color = mix(color, grass.albedo(noise, x, y, footprint: footprint), onLawn)
        }
        if toRoad > -0.25 {
          let strip = GroundMaterial.line(
            abs(toRoad + 0.09), halfWidth: 0.09, footprint: footprint)
          color = mix(color, kerbStone, strip)
        }
      }
      if inRoad > 0 {
        var dark = asphalt.albedo(noise, x, y, footprint: footprint)
        // The gutter lies in the kerb's shade.
        if toRoad < 0.3 { dark *= 0.72 + 0.28 * clamp01(toRoad / 0.3) }
        color = mix(color, dark, inRoad)
      }
      return color
    }
    guard let bounds = plan.road else { return }
    let paint = screenColor(0.86, 0.86, 0.83)
    let wear = random.uniform(0, 0.4)
    func rectangle(_ x0: Float, _ y0: Float, _ x1: Float, _ y1: Float) -> [Vector] {
      [Vector(x0, y0, 0), Vector(x1, y0, 0), Vector(x1, y1, 0), Vector(x0, y1, 0)]
    }
    if random.chance(0.7) {
      var x: Float = -60
      while x < 60 {
        let onCrossing = plan.crossing.map { $0.contains(x) || $0.contains(x + 3) } ?? false
        if !onCrossing { stage.paintMarking(rectangle(x, -0.06, x + 3, 0.06), paint, wear: wear) }
        x += 6
      }
    }
    if let crossing = plan.crossing {
      var y = bounds.lowerBound + 0.3
      while y < bounds.upperBound - 0.4 {
        stage.paintMarking(
          rectangle(crossing.lowerBound, y, crossing.upperBound, y + 0.5), paint, wear: wear)
        y += 1
      }
    }
  }

  private func castShadows() {
    for person in people { person.model.castShadow(on: stage) }
    for car in cars { car.castShadow(on: stage) }
    for tree in trees { tree.castShadow(on: stage) }
    for lamp in lamps {
      Furniture.castLampShadow(at: lamp.place, height: lamp.height, arm: lamp.arm, on: stage)
    }
    for post in posts {
      let foot = Vector(post.place.x, post.place.y, 0)
      stage.castShadow(foot, foot + Vector(0, 0, post.height), radius: post.radius)
    }
    for box in boxes {
      Furniture.castBoxShadow(
        at: box.place, size: box.size, heading: box.heading, above: box.above, on: stage)
    }
  }

  /// Rows of houses along both sides, and on squares across the ends.
  private func drawFacades(using random: inout Philox) {
    var facades: [(facade: Facade, inside: Point, distance: Float)] = []
    let camera = stage.camera.position
    func add(_ a: Point, _ b: Point, _ inside: Point) {
      let height = random.uniform(5, 17)
      let middle = (a + b) / 2
      let (dx, dy) = (middle.x - camera.x, middle.y - camera.y)
      facades.append(
        (Facade(from: a, to: b, height: height, using: &random), inside, dx * dx + dy * dy))
    }
    let open = plan.road == nil ? random.uniform(0.2, 0.9) : random.uniform(0, 0.25)
    for side in [Float(1), -1] {
      let y = side > 0 ? plan.walls.upperBound : plan.walls.lowerBound
      var x: Float = -75
      while x < 75 {
        let size = random.uniform(7, 22)
        if !random.chance(open) {
          add(Point(x, y), Point(x + size, y), Point(x + size / 2, y + side * 5))
        }
        x += size
      }
      // The end of the street.
      let end = side * random.uniform(60, 75)
      if random.chance(0.6) {
        add(
          Point(end, plan.walls.lowerBound - 5), Point(end, plan.walls.upperBound + 5),
          Point(end + side * 5, 0))
      }
    }
    for entry in facades.sorted(by: { $0.distance > $1.distance }) {
      entry.facade.draw(on: stage, inside: entry.inside)
    }
  }

  // MARK: The boxes

  private func labeledBoxes() -> [LabeledBox] {
    let visible = stage.canvas.visibleCounts()
    let drawn = stage.canvas.drawnCounts
    let (w, h) = (Float(stage.canvas.width), Float(stage.canvas.height))
    var result: [LabeledBox] = []
    for person in people {
      let object = Int(person.object)
      guard let full = person.model.extent(stage.camera), drawn[object] > 0 else { continue }
      let box = SIMD4(max(full[0], 0), max(full[1], 0), min(full[2], w), min(full[3], h))
      let (boxWidth, boxHeight) = (box[2] - box[0], box[3] - box[1])
      guard boxWidth >= 0.006 * w, boxHeight >= 0.03 * h else { continue }
      let inPicture = boxWidth * boxHeight / ((full[2] - full[0]) * (full[3] - full[1]))
      let share = Float(visible[object]) / Float(drawn[object]) * inPicture
      guard share >= Self.leastVisible else { continue }
      result.append(LabeledBox(classIndex: 0, corners: box))
    }
    return result
  }
}

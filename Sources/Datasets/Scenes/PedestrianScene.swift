import Glibc
import Tensors

/// Draws people in a street or on a square, seen from eye level up to a first-floor window, and gives
/// a box for each of them: the extent of the whole figure, cut at the picture's edges.
struct PedestrianScene {
  /// The ground across the street, which runs along x. *Units:* metres.
  private struct Plan {
    /// The house fronts at both sides; far away on a square.
    var walls: ClosedRange<Float>
    /// The carriageway; nil on a square.
    var road: ClosedRange<Float>?
    /// Where a zebra crossing starts and ends.
    var crossing: ClosedRange<Float>?
    var lawn: ClosedRange<Float>?
  }

  private let plan: Plan
  private let stage: SceneStage
  private var people: [(model: PersonModel, object: UInt16)] = []
  private var cars: [PlacedCar] = []
  private var trees: [Tree] = []
  private var lamps: [(place: Point, height: Float, arm: Point)] = []
  private var posts: [(place: Point, height: Float, radius: Float, color: Light)] = []
  private var boxes: [(place: Point, size: Vector, heading: Float, above: Float, color: Light)] =
    []
  /// What takes up ground: people and things keep apart.
  private var taken: [(place: Point, radius: Float)] = []

  static func draw(
    on canvas: SceneCanvas, noise: NoiseTile, using random: inout Philox
  ) -> (stage: SceneStage, boxes: [LabeledBox]) {
    let light = SceneLight(using: &random)
    let plan = makePlan(using: &random)
    // The camera stands anywhere between the walls; most look along or askew, some across.
    let y: Float
    if let road = plan.road {
      y = random.uniform(
        max(plan.walls.lowerBound + 1.2, road.lowerBound - 5),
        min(plan.walls.upperBound - 1.2, road.upperBound + 5))
    } else {
      y = random.uniform(-4, 4)
    }
    let height = random.chance(0.6) ? random.uniform(1.35, 2.4) : random.uniform(2.4, 5.5)
    let fieldOfView = random.uniform(0.8, 1.35)
    let pitch = (height - 1.5) * random.uniform(0.05, 0.1) + random.bell(0.04)
    let camera = SceneCamera(
      position: Vector(0, y, height),
      yaw: random.chance(0.6)
        ? (random.chance(0.5) ? 0 : .pi) + random.bell(0.5) : random.uniform(0, 2 * .pi),
      pitch: pitch,
      roll: random.bell(0.02), fieldOfView: fieldOfView, width: canvas.width,
      height: canvas.height)
    var scene = PedestrianScene(
      plan: plan, stage: SceneStage(canvas: canvas, camera: camera, light: light, noise: noise))
    let boxes = scene.draw(using: &random)
    return (scene.stage, boxes)
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

  // MARK: What stands where

  private func isFree(_ place: Point, _ radius: Float) -> Bool {
    taken.allSatisfy {
      let d = $0.place - place
      let reach = $0.radius + radius
      return d.x * d.x + d.y * d.y > reach * reach
    }
  }

  private mutating func placeThings(using random: inout Philox) {
    let night = stage.light.weather == .night
    if let road = plan.road {
      for side in [Float(1), -1] {
        let kerb = side > 0 ? road.upperBound : -road.lowerBound
        placeParkedCars(kerb: kerb, side: side, using: &random)
        // Lamps and trees stand in line along the kerb.
        let lampPitch = random.uniform(14, 24)
        if night || random.chance(0.6) {
          var x = random.uniform(-45, -45 + lampPitch)
          while x < 45 {
            let place = Point(x, side * (kerb + 0.5))
            if isFree(place, 0.4) {
              lamps.append((place, random.uniform(5, 5.2), Point(0, -side * 1.1)))
              taken.append((place, 0.25))
            }
            x += lampPitch
          }
        }
        if random.chance(0.45) {
          let pitch = random.uniform(6, 12)
          var x = random.uniform(-35, -35 + pitch)
          while x < 35 {
            let place = Point(x, side * (kerb + 0.9))
            if isFree(place, 1.5) {
              trees.append(Tree(at: place, height: random.uniform(4.5, 8), using: &random))
              taken.append((place, 0.4))
            }
            x += pitch
          }
        }
        if random.chance(0.3) {
          let color = screenColor(0.25, 0.25, 0.26)
          var x: Float = -25
          while x < 25 {
            let place = Point(x, side * (kerb + 0.3))
            if isFree(place, 0.3) { posts.append((place, 0.9, 0.06, color)) }
            x += 1.8
          }
        }
      }
    } else {
      for _ in 0..<random.integer(below: 9) {
        let place = Point(random.uniform(-28, 28), random.uniform(-14, 14))
        guard isFree(place, 4) else { continue }
        trees.append(Tree(at: place, height: random.uniform(4.5, 9), using: &random))
        taken.append((place, 0.5))
      }
      for _ in 0..<(night ? 5 : random.integer(below: 4)) {
        let place = Point(random.uniform(-18, 18), random.uniform(-12, 12))
        guard isFree(place, 1) else { continue }
        lamps.append((place, random.uniform(4.2, 6), Point(0.5, 0)))
        taken.append((place, 0.3))
      }
    }
    // Bins, benches, boxes, signs.
    for _ in 0..<random.integer(below: 8) {
      let place: Point
      if let road = plan.road {
        let side: Float = random.chance(0.5) ? 1 : -1
        let kerb = side > 0 ? road.upperBound : -road.lowerBound
        place = Point(random.uniform(-22, 22), side * (kerb + random.uniform(0.5, 2.6)))
      } else {
        place = Point(random.uniform(-16, 16), random.uniform(-11, 11))
      }
      guard isFree(place, 1.2) else { continue }
      taken.append((place, 0.7))
      let heading = plan.road == nil ? random.uniform(0, 3) : 0
      switch random.integer(below: 4) {
      case 0:
        boxes.append(
          (place, Vector(0.5, 0.5, 1), heading, 0,
            random.chance(0.5) ? screenColor(0.15, 0.3, 0.2) : screenColor(0.3, 0.3, 0.32)))
      case 1:
        let wood = screenColor(0.45, 0.32, 0.2)
        boxes.append((place, Vector(1.7, 0.45, 0.08), heading, 0.4, wood))
        boxes.append((place, Vector(1.5, 0.3, 0.4), heading, 0, wood * 0.4))
        let behind = Point(place.x + sinf(heading) * 0.25, place.y - cosf(heading) * 0.25)
        boxes.append((behind, Vector(1.7, 0.06, 0.35), heading, 0.5, wood))
      case 2:
        boxes.append(
          (place, Vector(random.uniform(0.6, 1.4), 0.4, random.uniform(1.1, 1.6)), heading, 0,
            screenColor(0.55, 0.56, 0.54)))
      default:
        let metal = screenColor(0.5, 0.5, 0.5)
        posts.append((place, 2.6, 0.035, metal))
        let sign = random.pick([
          screenColor(0.15, 0.3, 0.7), screenColor(0.75, 0.12, 0.1), screenColor(0.85, 0.8, 0.2),
        ])
        boxes.append((place, Vector(0.55, 0.05, 0.55), heading + random.bell(0.5), 2.1, sign))
      }
    }
    if night {
      stage.light.lamps = lamps
        .map { Vector($0.place.x + $0.arm.x, $0.place.y + $0.arm.y, $0.height) }
        .filter { abs($0.x) < 30 }
      let ahead = stage.camera.forward
      let camera = stage.camera.position
      stage.light.lamps.append(
        Vector(camera.x + ahead.x * 7, camera.y + ahead.y * 7, random.uniform(5, 7)))
    }
  }

  private mutating func placeParkedCars(kerb: Float, side: Float, using random: inout Philox) {
    guard random.chance(0.6) else { return }
    let density = random.uniform(0.2, 0.8)
    var x = random.uniform(-40, -34)
    while x < 40 {
      let place = Point(x, side * (kerb - 1.1))
      let onCrossing = plan.crossing.map { x > $0.lowerBound - 3 && x < $0.upperBound + 3 } ?? false
      if random.chance(density), !onCrossing, isFree(place, 3) {
        let heading: Float = (side > 0 ? .pi : 0) + random.bell(0.02)
        cars.append(PlacedCar(CarModel(using: &random), at: place, heading: heading))
        for step in [Float(-1.5), 0, 1.5] {
          taken.append((Point(x + step, place.y), 1.05))
        }
      }
      x += random.uniform(5.4, 7.5)
    }
  }

  private mutating func placePeople(using random: inout Philox) {
    let camera = stage.camera
    let ahead = Point(camera.forward.x, camera.forward.y)
    let size = (ahead.x * ahead.x + ahead.y * ahead.y).squareRoot()
    let unit = ahead / size
    let side = Point(unit.y, -unit.x)
    // No one so far away that the figure is lower than a twentieth of the picture.
    let farthest = min(camera.focal * 1.7 / (0.055 * Float(camera.height)), 34)
    let wanted = random.chance(0.03) ? 0 : 2 + Int(random.uniform() * random.uniform() * 18)
    let halfView = Float(camera.width) / 2 / camera.focal
    var tries = 0
    while people.count < wanted && tries < 80 {
      tries += 1
      // Even in the size of the figures: distances whose logarithm is uniform.
      let depth = 2.8 * expf(random.uniform() * logf(farthest / 2.8))
      let aside = random.uniform(-1.04, 1.04) * halfView * depth
      let base = Point(camera.position.x, camera.position.y) + unit * depth + side * aside
      guard isWalkable(base, using: &random), isFree(base, 0.38) else { continue }
      // Most walk along the street, some across or about.
      let heading =
        random.chance(0.6)
        ? (random.chance(0.5) ? 0 : Float.pi) + random.bell(0.3) : random.uniform(0, 6.28)
      addPerson(at: base, heading: heading, using: &random)
      // Company: beside, same way.
      while random.chance(0.3) && people.count < wanted {
        let apart = random.uniform(0.5, 0.85) * (random.chance(0.5) ? 1 : -1)
        let place = Point(
          base.x - sinf(heading) * apart + random.bell(0.15),
          base.y + cosf(heading) * apart + random.bell(0.15))
        guard isWalkable(place, using: &random), isFree(place, 0.18) else { break }
        addPerson(at: place, heading: heading + random.bell(0.15), using: &random)
      }
    }
  }

  private func isWalkable(_ place: Point, using random: inout Philox) -> Bool {
    guard place.y > plan.walls.lowerBound + 0.5, place.y < plan.walls.upperBound - 0.5 else {
      return false
    }
    guard let road = plan.road, road.contains(place.y) else { return true }
    if let crossing = plan.crossing, crossing.contains(place.x) { return true }
    return random.chance(0.2)
  }

  private mutating func addPerson(at place: Point, heading: Float, using random: inout Philox) {
    let person = PersonModel(at: place, heading: heading, using: &random)
    people.append((person, stage.canvas.newObject()))
    taken.append((place, 0.22))
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
      guard share >= SceneGenerator.leastVisible else { continue }
      result.append(LabeledBox(classIndex: 0, corners: box))
    }
    return result
  }
}

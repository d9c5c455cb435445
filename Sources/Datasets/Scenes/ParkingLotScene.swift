import Glibc
import Tensors

/// Draws a parking lot as a camera on a mast or a window sees it, and gives a box for every bay:
/// the upright bounds of its outline on the ground. Class 0 is an empty bay, 1 an occupied one.
struct ParkingLotScene {
  /// A bay is left out if less than this share of its car, or of its empty ground, can be seen.
  static let leastVisible: Float = 0.3

  let lot: ParkingLot
  let stage: SceneStage
  private var cars: [(car: PlacedCar, object: UInt16)] = []
  private var bays: [(bay: ParkingLot.Bay, ground: UInt16, car: UInt16?)] = []

  static func draw(
    on canvas: SceneCanvas, noise: NoiseTile, using random: inout Philox
  ) -> (stage: SceneStage, boxes: [LabeledBox]) {
    let light = SceneLight(using: &random)
    let lot = ParkingLot(using: &random)
    let camera = placeCamera(over: lot, canvas: canvas, using: &random)
    var scene = ParkingLotScene(
      lot: lot, stage: SceneStage(canvas: canvas, camera: camera, light: light, noise: noise))
    let boxes = scene.draw(using: &random)
    return (scene.stage, boxes)
  }

  private init(lot: ParkingLot, stage: SceneStage) {
    self.lot = lot
    self.stage = stage
  }

  /// A place from which a good part of the bays is seen: the best of a few tries.
  private static func placeCamera(
    over lot: ParkingLot, canvas: SceneCanvas, using random: inout Philox
  ) -> SceneCamera {
    let bays = lot.rows.flatMap(\.bays)
    var best: (camera: SceneCamera, seen: Int)?
    for _ in 0..<6 {
      let look = random.pick(bays).center * random.uniform(0.2, 0.8)
      let azimuth = random.uniform(0, 2 * .pi)
      let height = random.uniform(6, 15)
      let distance = random.uniform(8, 19)
      let position = Vector(
        look.x - cosf(azimuth) * distance, look.y - sinf(azimuth) * distance, height)
      let camera = SceneCamera(
        position: position, yaw: azimuth + random.bell(0.08),
        pitch: atan2f(height, distance) + random.bell(0.05), roll: random.bell(0.035),
        fieldOfView: random.uniform(0.95, 1.6), width: canvas.width, height: canvas.height)
      let seen = bays.reduce(0) { count, bay in
        let p = camera.project(Vector(bay.center.x, bay.center.y, 0))
        return count + (p.map(camera.contains) == true ? 1 : 0)
      }
      if seen > best?.seen ?? -1 { best = (camera, seen) }
      if seen >= 10 { break }
    }
    return best!.camera
  }

  private mutating func draw(using random: inout Philox) -> [LabeledBox] {
    placeCars(using: &random)
    let trees = placeTrees(using: &random)
    let lamps = placeLamps(using: &random)
    var people: [PersonModel] = []
    while random.chance(0.3) && people.count < 3 {
      let place = Point(
        random.uniform(-lot.halfSize.x, lot.halfSize.x), random.pick(lot.lanes) + random.bell(1))
      guard cars.allSatisfy({ far($0.car.place, place, 3.2) }) else { continue }
      people.append(PersonModel(at: place, heading: random.uniform(0, 6.28), using: &random))
    }
    let facades = placeFacades(using: &random)

    paintGround(using: &random)
    for i in bays.indices {
      let object = stage.canvas.newObject()
      bays[i].ground = object
      stage.canvas.mark(stage.camera.project(bays[i].bay.corners), object: object)
    }
    for car in cars { car.car.castShadow(on: stage) }
    for tree in trees { tree.castShadow(on: stage) }
    for lamp in lamps {
      Furniture.castLampShadow(at: lamp.place, height: lamp.height, arm: lamp.arm, on: stage)
    }
    for person in people { person.castShadow(on: stage) }
    stage.lightGround()

    for facade in facades { facade.facade.draw(on: stage, inside: facade.inside) }
    for car in cars {
      stage.add(at: car.car.place) { car.car.draw(on: $0, object: car.object) }
    }
    let other = stage.canvas.newObject()
    for tree in trees { stage.add(at: tree.place) { tree.draw(on: $0, object: other) } }
    for lamp in lamps {
      stage.add(at: lamp.place) {
        Furniture.drawLamp(
          at: lamp.place, height: lamp.height, arm: lamp.arm,
          lit: !$0.light.lamps.isEmpty, on: $0, object: other)
      }
    }
    for person in people {
      stage.add(at: person.place) { person.draw(on: $0, object: other) }
    }
    stage.drawProps()
    return boxes()
  }

  private func far(_ a: Point, _ b: Point, _ distance: Float) -> Bool {
    let d = a - b
    return d.x * d.x + d.y * d.y > distance * distance
  }

  // MARK: What stands where

  private mutating func placeCars(using random: inout Philox) {
    let share =
      random.chance(0.12) ? (random.chance(0.5) ? 0.04 : 0.97) : random.uniform(0.25, 0.85)
    for row in lot.rows {
      for bay in row.bays {
        guard random.chance(share) else {
          bays.append((bay, 0, nil))
          continue
        }
        let careless = random.chance(0.04) ? Float(3) : 1
        let turn = bay.heading + random.bell(0.025 * careless)
        let (c, s) = (cosf(bay.heading), sinf(bay.heading))
        let (along, across) = (random.bell(0.16), random.bell(0.1 * careless))
        let place = Point(
          bay.center.x + c * along - s * across, bay.center.y + s * along + c * across)
        let model = CarModel(using: &random)
        let car = PlacedCar(
          model, at: place, heading: random.chance(0.35) ? turn + .pi : turn)
        let object = stage.canvas.newObject()
        cars.append((car, object))
        bays.append((bay, 0, object))
      }
    }
    // Cars that drive or wait in the lanes belong to no bay.
    for lane in lot.lanes {
      while random.chance(0.25) {
        let x = random.uniform(-lot.halfSize.x + 2, lot.halfSize.x - 2)
        let side: Float = random.chance(0.5) ? 1 : -1
        let place = Point(x, lane + side * 0.9)
        guard cars.allSatisfy({ far($0.car.place, place, 4.6) }) else { continue }
        let heading = (side > 0 ? Float.pi : 0) + random.bell(0.04)
        cars.append(
          (
            PlacedCar(CarModel(using: &random), at: place, heading: heading),
            stage.canvas.newObject()
          ))
      }
    }
    // And some stand along the edge, on no marked ground.
    if random.chance(0.25) {
      let y = (random.chance(0.5) ? 1 : -1) * (lot.halfSize.y + random.uniform(2, 5))
      var x = random.uniform(-lot.halfSize.x, 0)
      for _ in 0..<(1 + random.integer(below: 3)) {
        cars.append(
          (
            PlacedCar(CarModel(using: &random), at: Point(x, y), heading: random.bell(0.05)),
            stage.canvas.newObject()
          ))
        x += random.uniform(5.6, 9)
      }
    }
  }

  private func placeTrees(using random: inout Philox) -> [Tree] {
    var trees: [Tree] = []
    func plant(_ place: Point, _ height: Float) {
      let camera = stage.camera
      let depth = camera.depth(Vector(place.x, place.y, height / 2))
      let dx = place.x - camera.position.x
      let dy = place.y - camera.position.y
      // None right before the camera, and none behind it where its shadow is of no use.
      guard depth > -12, dx * dx + dy * dy > 49 else { return }
      trees.append(Tree(at: place, height: height, using: &random))
    }
    for row in lot.rows {
      for island in row.islands where random.chance(0.6) {
        let middle = (island[0] + island[2]) / 2
        plant(Point(middle.x, middle.y), random.uniform(2.2, 4))
      }
    }
    for side in 0..<4 where random.chance(0.55) {
      for _ in 0..<(1 + random.integer(below: 4)) {
        let out = random.uniform(1.8, 6)
        let sign: Float = side & 1 == 0 ? 1 : -1
        let place =
          side < 2
          ? Point(
            random.uniform(-lot.halfSize.x, lot.halfSize.x), sign * (lot.halfSize.y + out))
          : Point(
            sign * (lot.halfSize.x + out), random.uniform(-lot.halfSize.y, lot.halfSize.y))
        if cars.allSatisfy({ far($0.car.place, place, 3) }) { plant(place, random.uniform(3, 8)) }
      }
    }
    return trees
  }

  private func placeLamps(
    using random: inout Philox
  ) -> [(place: Point, height: Float, arm: Point)] {
    var lamps: [(place: Point, height: Float, arm: Point)] = []
    let night = stage.light.weather == .night
    let count = night ? 3 + random.integer(below: 3) : random.integer(below: 3)
    for i in 0..<count {
      let row = random.pick(lot.rows)
      let outward: Float = row.back > row.front ? 0.25 : -0.25
      let span = 2 * lot.halfSize.x / Float(count)
      let place = Point(
        -lot.halfSize.x + (Float(i) + random.uniform(0.2, 0.8)) * span, row.back + outward)
      let height = random.uniform(5, 8)
      let near = stage.camera.position
      guard far(Point(near.x, near.y), place, 3), cars.allSatisfy({ far($0.car.place, place, 2) })
      else { continue }
      lamps.append((place, height, Point(0, -outward * 4)))
    }
    if night {
      // A lamp behind the camera too, so that no scene is black.
      stage.light.lamps = lamps.map {
        Vector($0.place.x + $0.arm.x, $0.place.y + $0.arm.y, $0.height)
      }
      stage.light.lamps.append(Vector(random.bell(6), random.bell(4), 7))
    }
    return lamps
  }

  private func placeFacades(using random: inout Philox) -> [(facade: Facade, inside: Point)] {
    var facades: [(facade: Facade, inside: Point, distance: Float)] = []
    for side in 0..<4 where random.chance(0.5) {
      let sign: Float = side & 1 == 0 ? 1 : -1
      let out = random.uniform(8, 24)
      let long = side < 2 ? lot.halfSize.x : lot.halfSize.y
      var at = -long - random.uniform(0, 20)
      let end = long + random.uniform(0, 20)
      while at < end {
        let size = random.uniform(9, 26)
        let height = random.uniform(3.5, 15)
        let (a, b): (Point, Point)
        let inside: Point
        if side < 2 {
          let y = sign * (lot.halfSize.y + out)
          (a, b) = (Point(at, y), Point(at + size, y))
          inside = Point(at + size / 2, y + sign * 5)
        } else {
          let x = sign * (lot.halfSize.x + out)
          (a, b) = (Point(x, at), Point(x, at + size))
          inside = Point(x + sign * 5, at + size / 2)
        }
        let middle = (a + b) / 2
        let camera = stage.camera.position
        let (dx, dy) = (middle.x - camera.x, middle.y - camera.y)
        facades.append(
          (Facade(from: a, to: b, height: height, using: &random), inside, dx * dx + dy * dy))
        at += size + (random.chance(0.3) ? random.uniform(3, 15) : 0)
      }
    }
    return facades.sorted { $0.distance > $1.distance }.map { ($0.facade, $0.inside) }
  }

  // MARK: The boxes

  private func boxes() -> [LabeledBox] {
    let visible = stage.canvas.visibleCounts()
    let drawn = stage.canvas.drawnCounts
    let (w, h) = (Float(stage.canvas.width), Float(stage.canvas.height))
    var boxes: [LabeledBox] = []
    for entry in bays {
      let outline = stage.camera.project(entry.bay.corners)
      guard outline.count >= 3,
        let bounds = bounds(clipped(outline, width: w, height: h)),
        case let box = clamped(bounds, width: w, height: h),
        box[2] - box[0] >= w * 0.014, box[3] - box[1] >= h * 0.014,
        shareInPicture(entry.bay) >= 0.35
      else { continue }
      // Of an occupied bay one sees the car; of an empty one the ground.
      let object = Int(entry.car ?? entry.ground)
      guard drawn[object] >= 12,
        Float(visible[object]) >= Self.leastVisible * Float(drawn[object])
      else { continue }
      boxes.append(LabeledBox(classIndex: entry.car == nil ? 0 : 1, corners: box))
    }
    return boxes
  }

  /// The share of the bay's ground that lies in the picture, from 49 points of it.
  private func shareInPicture(_ bay: ParkingLot.Bay) -> Float {
    let c = bay.corners
    var inside = 0
    for i in 0..<7 {
      for j in 0..<7 {
        let (u, v) = ((Float(i) + 0.5) / 7, (Float(j) + 0.5) / 7)
        let p = c[0] + (c[1] - c[0]) * u + (c[3] - c[0]) * v
        if let seen = stage.camera.project(p), stage.camera.contains(seen) { inside += 1 }
      }
    }
    return Float(inside) / 49
  }
}

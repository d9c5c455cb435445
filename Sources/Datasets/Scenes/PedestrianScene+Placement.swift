import Glibc
import Tensors

extension PedestrianScene {
  private func isFree(_ place: Point, _ radius: Float) -> Bool {
    taken.allSatisfy {
      let d = $0.place - place
      let reach = $0.radius + radius
      return d.x * d.x + d.y * d.y > reach * reach
    }
  }

  mutating func placeThings(using random: inout Philox) {
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
          (
            place, Vector(0.5, 0.5, 1), heading, 0,
            random.chance(0.5) ? screenColor(0.15, 0.3, 0.2) : screenColor(0.3, 0.3, 0.32)
          ))
      case 1:
        let wood = screenColor(0.45, 0.32, 0.2)
        boxes.append((place, Vector(1.7, 0.45, 0.08), heading, 0.4, wood))
        boxes.append((place, Vector(1.5, 0.3, 0.4), heading, 0, wood * 0.4))
        let behind = Point(place.x + sinf(heading) * 0.25, place.y - cosf(heading) * 0.25)
        boxes.append((behind, Vector(1.7, 0.06, 0.35), heading, 0.5, wood))
      case 2:
        boxes.append(
          (
            place, Vector(random.uniform(0.6, 1.4), 0.4, random.uniform(1.1, 1.6)), heading, 0,
            screenColor(0.55, 0.56, 0.54)
          ))
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
      stage.light.lamps =
        lamps
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

  mutating func placePeople(using random: inout Philox) {
    let camera = stage.camera
    let ahead = Point(camera.forward.x, camera.forward.y)
    let size = (ahead.x * ahead.x + ahead.y * ahead.y).squareRoot()
    let unit = ahead / size
    let side = Point(unit.y, -unit.x)
    // No one so far away that the figure is lower than a twentieth of the picture.
    let farthest = min(camera.focal * 1.7 / (0.055 * Float(camera.height)), 34)
    let wanted = random.chance(0.03) ? 0 : 3 + Int(random.uniform() * random.uniform() * 20)
    let halfView = Float(camera.width) / 2 / camera.focal
    var tries = 0
    while people.count < wanted && tries < 150 {
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
    return random.chance(0.4)
  }

  private mutating func addPerson(at place: Point, heading: Float, using random: inout Philox) {
    let person = PersonModel(at: place, heading: heading, using: &random)
    people.append((person, stage.canvas.newObject()))
    taken.append((place, 0.22))
  }
}

import Glibc
import Tensors

extension ParkingLotScene {
  /// Paints the albedo of the ground and all that is drawn on it.
  func paintGround(using random: inout Philox) {
    let stage = stage
    let lot = lot
    let noise = stage.noise
    let road = GroundMaterial(
      random.pick([.asphalt, .asphalt, .asphalt, .asphalt, .concrete, .bricks, .gravel]),
      using: &random)
    let sameInBays = random.chance(0.65)
    let bayGround =
      sameInBays
      ? road : GroundMaterial(random.pick([.asphalt, .bricks, .slabs, .concrete]), using: &random)
    let outside = GroundMaterial(
      random.pick([.grass, .grass, .slabs, .asphalt, .gravel]), using: &random)
    let intervals = lot.rows.map { (min($0.front, $0.back), max($0.front, $0.back)) }
    let rowEnd = lot.halfSize.x
    stage.paintGround { x, y, footprint in
      let inside = clamp01(lot.depthInside(x, y) / footprint + 0.5)
      var color = Light.zero
      if inside > 0 {
        var inBay: Float = 0
        if !sameInBays && abs(x) < rowEnd {
          for interval in intervals {
            inBay = max(
              inBay, clamp01(min(y - interval.0, interval.1 - y) / footprint + 0.5))
          }
        }
        if inBay < 1 { color = road.albedo(noise, x, y, footprint: footprint) }
        if inBay > 0 {
          color = mix(color, bayGround.albedo(noise, x, y, footprint: footprint), inBay)
        }
      }
      if inside < 1 {
        color = mix(outside.albedo(noise, x, y, footprint: footprint), color, inside)
      }
      return color
    }
    paintKerb(using: &random)
    paintWear(using: &random)
    paintBays(using: &random)
    paintIslands(using: &random)
  }

  /// A strip of lighter stone around the paved ground.
  private func paintKerb(using random: inout Philox) {
    guard random.chance(0.7) else { return }
    let stone = screenColor(0.58, 0.57, 0.55) * random.uniform(0.7, 1.2)
    let (x, y) = (lot.halfSize.x, lot.halfSize.y)
    let corners = [Vector(-x, -y, 0), Vector(x, -y, 0), Vector(x, y, 0), Vector(-x, y, 0)]
    for i in 0..<4 {
      stage.paintMarking(
        strip(corners[i], corners[(i + 1) % 4], width: 0.2), stone, wear: 0)
    }
  }

  private func strip(_ a: Vector, _ b: Vector, width: Float) -> [Vector] {
    let along = normalized(b - a)
    let half = Vector(-along.y, along.x, 0) * (width / 2)
    return [a + half, b + half, b - half, a - half]
  }

  /// Patches of other asphalt, oil and water stains.
  private func paintWear(using random: inout Philox) {
    for _ in 0..<random.integer(below: 5) {
      let (x, y) = (
        random.uniform(-lot.halfSize.x, lot.halfSize.x),
        random.uniform(-lot.halfSize.y, lot.halfSize.y)
      )
      let (w, h) = (random.uniform(0.5, 5), random.uniform(0.4, 2))
      stage.stain(
        [
          Vector(x, y, 0), Vector(x + w, y, 0), Vector(x + w, y + h, 0), Vector(x, y + h, 0),
        ], factor: random.uniform(0.6, 1.3), softness: 1)
    }
    for row in lot.rows {
      for bay in row.bays where random.chance(0.5) {
        let center = Vector(bay.center.x + random.bell(0.3), bay.center.y + random.bell(0.9), 0)
        let radius = random.uniform(0.12, 0.6)
        let blob = (0..<8).map { k in
          let angle = Float(k) * .pi / 4
          let r = radius * random.uniform(0.8, 1.1)
          return center + Vector(cosf(angle) * r, sinf(angle) * r, 0)
        }
        let size = stage.camera.focal / max(stage.camera.depth(center), 1)
        stage.stain(
          blob, factor: random.uniform(0.55, 0.9), softness: max(radius * size * 0.7, 1.5))
      }
    }
  }

  private func paintBays(using random: inout Philox) {
    let paint =
      random.chance(0.82) ? screenColor(0.86, 0.86, 0.84) : screenColor(0.85, 0.7, 0.25)
    let wear = random.uniform(0, 0.45)
    let width = random.uniform(0.09, 0.16)
    let headLine = random.chance(0.6)
    let openLine = random.chance(0.15)
    for row in lot.rows {
      for bay in row.bays {
        let c = bay.corners
        stage.paintMarking(strip(c[0], c[3], width: width), paint, wear: wear)
        stage.paintMarking(strip(c[1], c[2], width: width), paint, wear: wear)
        if headLine || bay.isAlongLane {
          stage.paintMarking(strip(c[3], c[2], width: width), paint, wear: wear)
        }
        if openLine || bay.isAlongLane {
          stage.paintMarking(strip(c[0], c[1], width: width), paint, wear: wear)
        }
        if random.chance(0.04) {
          // A bay kept for someone: a blue field with a light mark in it.
          let middle = Vector(bay.center.x, bay.center.y, 0)
          let (u, v) = ((c[1] - c[0]) * 0.28, (c[3] - c[0]) * 0.16)
          stage.paintMarking(
            [middle - u - v, middle + u - v, middle + u + v, middle - u + v],
            screenColor(0.15, 0.3, 0.65), wear: wear)
          stage.paintMarking(
            [
              middle - u * 0.4 - v * 0.6, middle + u * 0.4 - v * 0.6, middle + u * 0.15 + v * 0.6,
              middle - u * 0.15 + v * 0.6,
            ], paint, wear: wear)
        }
      }
    }
    // Arrows in the lanes.
    for lane in lot.lanes where random.chance(0.4) {
      let x = random.uniform(-lot.halfSize.x * 0.7, lot.halfSize.x * 0.7)
      let way: Float = random.chance(0.5) ? 1 : -1
      stage.paintMarking(
        strip(Vector(x, lane, 0), Vector(x + way * 1.6, lane, 0), width: 0.18), paint, wear: wear)
      stage.paintMarking(
        [
          Vector(x + way * 1.5, lane - 0.4, 0), Vector(x + way * 2.5, lane, 0),
          Vector(x + way * 1.5, lane + 0.4, 0),
        ], paint, wear: wear)
    }
  }

  /// Green islands with a kerb, or hatched ground where no one may stand.
  private func paintIslands(using random: inout Philox) {
    for row in lot.rows {
      for c in row.islands {
        if random.chance(0.5) {
          let grass = screenColor(0.3, 0.38, 0.18) * random.uniform(0.6, 1.2)
          stage.paintMarking(c, screenColor(0.6, 0.6, 0.58), wear: 0)
          let middle = (c[0] + c[2]) / 2
          stage.paintMarking(c.map { middle + ($0 - middle) * 0.9 }, grass, wear: 0)
        } else {
          let paint = screenColor(0.84, 0.84, 0.8)
          for k in 0..<7 {
            let t = (Float(k) + 0.5) / 7
            let a = c[0] + (c[3] - c[0]) * max(t - 0.12, 0)
            let b = c[1] + (c[2] - c[1]) * min(t + 0.12, 1)
            stage.paintMarking(strip(a, b, width: 0.14), paint, wear: 0.15)
          }
        }
      }
    }
  }
}

import Tensors

/// What the ground is made of, as an albedo for every point of it.
struct GroundMaterial {
  enum Kind {
    case asphalt, concrete, slabs, bricks, grass, gravel
  }

  let kind: Kind
  let color: Light
  /// The size of a slab. *Units:* metres.
  let cell: Point
  let contrast: Float

  init(_ kind: Kind, using random: inout Philox) {
    self.kind = kind
    let tint = random.uniform(-0.03, 0.03)
    let level: Float
    switch kind {
    case .asphalt:
      level = random.uniform(0.26, 0.47)
      color = screenColor(level + tint, level + 0.005, level + 0.01 - tint)
    case .concrete:
      level = random.uniform(0.5, 0.66)
      color = screenColor(level + tint, level, level - 0.03)
    case .slabs:
      level = random.uniform(0.42, 0.62)
      color = screenColor(level + 0.02 + tint, level, level - 0.03)
    case .bricks:
      level = random.uniform(0.36, 0.5)
      let red: Float = random.chance(0.5) ? 0.14 : 0.02
      color = screenColor(level + red, level, level - red * 0.5)
    case .grass:
      level = random.uniform(0.3, 0.45)
      color = screenColor(level * random.uniform(0.75, 1.05), level, level * 0.5)
    case .gravel:
      level = random.uniform(0.45, 0.58)
      color = screenColor(level + 0.03, level, level - 0.06)
    }
    let side = kind == .bricks ? random.uniform(0.18, 0.3) : random.uniform(0.4, 1.1)
    cell = Point(side, side * (random.chance(0.5) ? 0.5 : 1))
    contrast = random.uniform(0.6, 1.3)
  }

  /// The albedo at (x, y) metres, averaged over about `footprint` metres.
  @inline(__always)
  func albedo(_ noise: NoiseTile, _ x: Float, _ y: Float, footprint: Float) -> Light {
    let nearness = clamp01(1.3 - footprint * 14)
    let middle = clamp01(1.3 - footprint * 1.5)
    var grain: Float = 0
    if nearness > 0 { grain = (noise(x * 21, y * 21) - 0.5) * nearness }
    let mottle = noise(x * 1.3 + 9, y * 1.3 + 70) - 0.5
    let blotch = noise(x * 0.21 + 31, y * 0.21 + 11) + noise(x * 0.57, y * 0.57) * 0.6 - 0.8
    var value: Float
    switch kind {
    case .asphalt: value = 1 + contrast * (0.38 * grain + 0.2 * mottle * middle + 0.28 * blotch)
    case .concrete: value = 1 + contrast * (0.14 * grain + 0.18 * mottle * middle + 0.2 * blotch)
    case .gravel: value = 1 + contrast * (0.7 * grain + 0.3 * mottle * middle + 0.15 * blotch)
    case .grass:
      let tufts = (noise(x * 7, y * 7) - 0.5) * middle
      value = 1 + 0.7 * grain + 0.5 * tufts + 0.35 * mottle * middle + 0.35 * blotch
      let dry = clamp01(noise(x * 0.33 + 50, y * 0.33) * 2 - 1)
      return mix(color, color * Light(1.5, 1.15, 1, 0), dry) * max(value, 0.2)
    case .slabs, .bricks:
      let (u, v) = (x / cell.x, y / cell.y)
      let row = v.rounded(.down)
      // Every other row is shifted by half a slab.
      let shifted = u + (Int(row) & 1 == 0 ? 0 : 0.5)
      let column = shifted.rounded(.down)
      // Each slab has its own shade, drawn at the corners of the noise's cells.
      let own = (noise(column, row) - 0.5) * clamp01(1.3 - footprint / cell.y)
      let toColumn = (shifted - column < 0.5 ? shifted - column : column + 1 - shifted) * cell.x
      let toRow = (v - row < 0.5 ? v - row : row + 1 - v) * cell.y
      let joint: Float = kind == .bricks ? 0.012 : 0.016
      let gap = max(
        Self.line(toColumn, halfWidth: joint, footprint: footprint),
        Self.line(toRow, halfWidth: joint, footprint: footprint))
      value = 1 + contrast * (0.2 * grain + 0.3 * own + 0.15 * mottle + 0.22 * blotch)
      value *= 1 - 0.5 * gap
    }
    return color * max(value, 0.15)
  }

  /// How much of a pixel of width `footprint` a line covers whose middle is `distance` away.
  @inline(__always)
  static func line(_ distance: Float, halfWidth: Float, footprint: Float) -> Float {
    let width = max(footprint, 1e-4)
    return clamp01((halfWidth + width * 0.5 - distance) / width)
      * min(1, halfWidth * 2 / width)
  }
}

extension SceneStage {
  /// Rays of depth one that fall less steeply than this see no ground but distant woods.
  private var groundEdge: Float { -max(2e-3, camera.position.z / 160) }

  /// Paints the sky, and on the ground the albedo that `surface(x, y, footprint)` gives.
  @inline(__always)
  func paintGround(_ surface: (_ x: Float, _ y: Float, _ footprint: Float) -> Light) {
    let step = camera.right / camera.focal
    let focal = camera.focal
    let horizon = groundEdge
    let cloudiness: Float =
      switch light.weather {
      case .clear: 0.7
      case .overcast, .rain: 0.35
      default: 0.15
      }
    let cloudColor = light.skyHorizon * 1.15
    // Woods and hills along the horizon, pale with distance.
    let woods = mix(
      screenColor(0.25, 0.3, 0.22) * light.illumination(x: 1e3, y: 1e3).ambient * 1.5,
      light.hazeColor, min(0.35 + light.hazeDensity * 60, 1))
    for y in 0..<canvas.height {
      var ray = camera.ray(0.5, Float(y) + 0.5)
      for x in 0..<canvas.width {
        let i = y * canvas.width + x
        if ray.z < horizon {
          let depth = -camera.position.z / ray.z
          let footprint = depth / camera.focal / (-ray.z + 0.05).squareRoot()
          canvas.light[i] = surface(
            camera.position.x + ray.x * depth, camera.position.y + ray.y * depth, footprint)
        } else {
          let size = (1 + ray.z * ray.z).squareRoot()
          let steepness = max(ray.z, 0) / size
          let (u, v) = (ray.x / (steepness + 0.12), ray.y / (steepness + 0.12))
          let cloud = clamp01(noise.layered(u * 1.1 + 40, v * 1.1 + 80) * 3 - 1.35)
          var seen = mix(light.sky(steepness: steepness), cloudColor, cloud * cloudiness)
          if steepness < 0.1 {
            let flat = 1 / (ray.x * ray.x + ray.y * ray.y).squareRoot()
            let (u, v) = (ray.x * flat, ray.y * flat)
            let ridge =
              noise(u * 3 + 90, v * 3 + 20) * 0.05 + noise(u * 31, v * 31) * 0.025
              + noise(u * 150, v * 150) * 0.008
            seen = mix(seen, woods, clamp01((ridge - steepness) * focal + 0.5))
          }
          canvas.light[i] = seen
        }
        ray += step
      }
    }
  }

  /// Turns the painted albedo of the ground into light: sun less shadows, sky, lamps, water, haze.
  func lightGround() {
    for shadow in contact {
      canvas.rasterize(shadow.polygon, softness: shadow.softness) { i, _, _, coverage in
        canvas.light[i] *= 1 - shadow.depth * coverage
      }
    }
    let step = camera.right / camera.focal
    let horizon = groundEdge
    let direct = light.sunLight * light.sun.z
    let lamps = !light.lamps.isEmpty
    let wetness = light.wetness
    let darkening = 1 - 0.45 * wetness
    for y in 0..<canvas.height {
      var ray = camera.ray(0.5, Float(y) + 0.5)
      for x in 0..<canvas.width {
        if ray.z < horizon {
          let i = y * canvas.width + x
          let depth = -camera.position.z / ray.z
          let (px, py) = (camera.position.x + ray.x * depth, camera.position.y + ray.y * depth)
          let ambient = lamps ? light.illumination(x: px, y: py).ambient : light.skyLight
          var color = canvas.light[i] * (ambient + direct * (1 - canvas.shade[i]))
          if wetness > 0 {
            let size = (1 + 0.3 + ray.z * ray.z).squareRoot()
            let cosine = -ray.z / size
            let graze = (1 - cosine) * (1 - cosine)
            let puddle = clamp01(noise(px * 0.4, py * 0.4) * 2.5 - 1.4 + wetness)
            let share = (0.03 + 0.6 * graze * graze) * wetness * (0.35 + 0.65 * puddle)
            let mirrored = light.skyHorizon * (0.55 * (1 - 0.5 * canvas.shade[i]))
            color = mix(color * darkening, mirrored, share)
          }
          canvas.light[i] = light.hazed(color, depth: depth)
        }
        ray += step
      }
    }
  }

  /// Paints a polygon on the ground with worn paint: where the noise is low, the paint is gone.
  ///
  /// - Parameter wear: 0 fresh … 1 nearly gone.
  func paintMarking(_ polygon: [Vector], _ color: Light, wear: Float) {
    let points = camera.project(polygon)
    canvas.rasterize(points) { i, x, y, coverage in
      guard let seen = camera.ground(Float(x) + 0.5, Float(y) + 0.5) else { return }
      let fine = noise(seen.point.x * 9, seen.point.y * 9)
      let coarse = noise(seen.point.x * 0.9 + 60, seen.point.y * 0.9)
      let left = clamp01((0.55 * fine + 0.45 * coarse - wear) * 4 + 0.9)
      canvas.light[i] += (color - canvas.light[i]) * (coverage * left * 0.95)
    }
  }

  /// Multiplies the albedo inside a polygon on the ground, with a soft edge: stains and patches.
  func stain(_ polygon: [Vector], factor: Float, softness: Float) {
    let points = camera.project(polygon)
    canvas.rasterize(points, softness: softness) { i, _, _, coverage in
      canvas.light[i] *= 1 + (factor - 1) * coverage
    }
  }
}

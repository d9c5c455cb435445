import Glibc
import Tensors

/// The light of one scene: sun, sky, haze, lamps and what the weather does to them.
struct SceneLight {
  enum Weather: CaseIterable {
    case clear, overcast, rain, fog, dusk, night
  }

  let weather: Weather
  /// The direction to the sun (or the moon).
  let sun: Vector
  let sunLight: Light
  let skyLight: Light
  let skyTop: Light
  let skyHorizon: Light
  let hazeColor: Light
  /// *Units:* per metre.
  let hazeDensity: Float
  /// How much of the sun a full shadow takes away.
  let shadowDepth: Float
  /// 0 dry … 1 standing water.
  let wetness: Float
  /// Where the street lamps burn; none by day.
  var lamps: [Vector] = []
  let lampLight: Light

  /// A random light; clear and overcast days are the most frequent.
  init(using random: inout Philox) {
    let roll = random.uniform()
    switch roll {
    case ..<0.42: weather = .clear
    case ..<0.66: weather = .overcast
    case ..<0.77: weather = .rain
    case ..<0.84: weather = .fog
    case ..<0.93: weather = .dusk
    default: weather = .night
    }
    let azimuth = random.uniform(0, 2 * .pi)
    let low: Float = weather == .dusk ? 0.18 : 0.45
    let high: Float = weather == .dusk ? 0.45 : 1.2
    let elevation = random.uniform(low, high)
    sun = Vector(
      cosf(azimuth) * cosf(elevation), sinf(azimuth) * cosf(elevation), sinf(elevation))
    let warmth = random.uniform()
    var lamp = Light.zero
    switch weather {
    case .clear:
      let share = random.uniform(0.6, 1)
      sunLight = Light(1.08, 1.0 - 0.06 * warmth, 0.9 - 0.18 * warmth, 0) * share
      skyLight = Light(0.27, 0.31, 0.38, 0) * random.uniform(0.8, 1.2)
      skyTop = screenColor(0.25, 0.45, 0.75)
      skyHorizon = screenColor(0.72, 0.82, 0.92)
      hazeDensity = random.uniform(0.0005, 0.003)
      shadowDepth = random.uniform(0.85, 1)
      wetness = random.chance(0.1) ? 0.4 : 0
    case .overcast:
      sunLight = Light(0.16, 0.16, 0.16, 0) * random.uniform(0, 1)
      skyLight = Light(0.6, 0.62, 0.65, 0) * random.uniform(0.7, 1)
      skyTop = screenColor(0.62, 0.66, 0.7)
      skyHorizon = screenColor(0.8, 0.82, 0.84)
      hazeDensity = random.uniform(0.001, 0.006)
      shadowDepth = 0.8
      wetness = random.chance(0.3) ? random.uniform(0.2, 0.6) : 0
    case .rain:
      sunLight = .zero
      skyLight = Light(0.42, 0.45, 0.49, 0) * random.uniform(0.6, 1)
      skyTop = screenColor(0.5, 0.53, 0.57)
      skyHorizon = screenColor(0.66, 0.68, 0.7)
      hazeDensity = random.uniform(0.004, 0.015)
      shadowDepth = 0.8
      wetness = random.uniform(0.6, 1)
    case .fog:
      sunLight = Light(0.1, 0.1, 0.1, 0)
      skyLight = Light(0.6, 0.61, 0.63, 0)
      skyTop = screenColor(0.74, 0.75, 0.77)
      skyHorizon = screenColor(0.76, 0.77, 0.78)
      hazeDensity = random.uniform(0.008, 0.024)
      shadowDepth = 0.8
      wetness = random.uniform(0, 0.5)
    case .dusk:
      sunLight = Light(0.62, 0.36, 0.18, 0) * random.uniform(0.4, 1)
      skyLight = Light(0.2, 0.2, 0.27, 0)
      skyTop = screenColor(0.3, 0.36, 0.55)
      skyHorizon = screenColor(0.95, 0.72, 0.52)
      hazeDensity = random.uniform(0.001, 0.005)
      shadowDepth = random.uniform(0.8, 1)
      wetness = 0
    case .night:
      sunLight = .zero
      skyLight = Light(0.035, 0.038, 0.05, 0) * random.uniform(0.7, 1.6)
      skyTop = screenColor(0.05, 0.06, 0.1)
      skyHorizon = screenColor(0.14, 0.13, 0.15)
      hazeDensity = random.uniform(0.0005, 0.003)
      shadowDepth = 0.8
      wetness = random.chance(0.4) ? random.uniform(0.3, 0.9) : 0
      lamp = Light(1.0, 0.8 - 0.15 * warmth, 0.62 - 0.35 * warmth, 0) * random.uniform(14, 24)
    }
    lampLight = lamp
    hazeColor = mix(skyHorizon, skyTop, 0.3)
  }

  /// What falls on things near one place: from all over the sky, and from the sun.
  struct Illumination {
    var ambient: Light
    var direct: Light
  }

  @inline(__always)
  func illumination(x: Float, y: Float) -> Illumination {
    var ambient = skyLight
    for lamp in lamps {
      let (dx, dy) = (x - lamp.x, y - lamp.y)
      let squared = dx * dx + dy * dy + lamp.z * lamp.z
      ambient += lampLight * (lamp.z / (squared * squared.squareRoot()))
    }
    return Illumination(ambient: ambient, direct: sunLight)
  }

  /// The colour as it arrives through `depth` metres of haze.
  @inline(__always)
  func hazed(_ color: Light, depth: Float) -> Light {
    // 1 / (1 + x + x²/2) follows exp(-x) closely enough and is the same on every machine.
    let x = depth * hazeDensity
    let share = 1 / (1 + x + x * x * 0.5)
    return hazeColor + (color - hazeColor) * share
  }

  /// The sky in a direction of the given steepness (z of the unit vector).
  @inline(__always)
  func sky(steepness: Float) -> Light {
    mix(skyHorizon, skyTop, clamp01(steepness * 1.8))
  }
}

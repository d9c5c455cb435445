import Images
import Tensors

extension SceneStage {
  /// Streaks of falling rain before everything else.
  func drawRain(using random: inout Philox) {
    guard light.weather == .rain else { return }
    let scale = Float(canvas.height) / 480
    let slope = random.bell(0.12)
    let color = light.skyHorizon
    for _ in 0..<(60 + random.integer(below: 260)) {
      let p = Point(
        random.uniform(0, Float(canvas.width)), random.uniform(-20, Float(canvas.height)))
      let size = random.uniform(8, 34) * scale
      let half = random.uniform(0.25, 0.55) * scale
      let q = Point(p.x + slope * size, p.y + size)
      canvas.fill(
        [
          Point(p.x - half, p.y), Point(p.x + half, p.y), Point(q.x + half, q.y),
          Point(q.x - half, q.y),
        ], color, object: 0, alpha: random.uniform(0.08, 0.28), grow: 0)
    }
  }

  /// What lens and sensor make of the light: exposure, a little blur, vignetting, white balance,
  /// noise, and 8 bits.
  ///
  /// - Parameter key: the Philox key of the sensor's noise; `stream` and `position` its counter.
  func develop(
    key: SIMD2<UInt32>, stream: UInt32, position: UInt64, using random: inout Philox
  ) -> Image {
    let (width, height) = (canvas.width, canvas.height)
    if random.chance(0.4) { soften(random.uniform(0.1, 0.5)) }
    // Automatic exposure brings the mean near a target; not fully, so nights stay dark.
    var sum: Float = 0
    var count: Float = 0
    for i in stride(from: 0, to: width * height, by: 37) {
      let c = canvas.light[i]
      sum += min(c.x * 0.3 + c.y * 0.6 + c.z * 0.1, 1.5)
      count += 1
    }
    let mean = max(sum / count, 0.004)
    let dark = light.weather == .night || light.weather == .dusk
    let target = dark ? random.uniform(0.07, 0.15) : random.uniform(0.19, 0.34)
    let gain = min(target / mean, 8)
    let balance =
      Light(
        1 + random.bell(0.05), 1, 1 + random.bell(0.06), 0) * gain
    let vignette = random.uniform(0, 0.45)
    // Noise in steps of 1/255; more light that is missing, more noise.
    let grain = random.uniform(0.6, 3.2) + min(gain, 6) * (dark ? 1.1 : 0.25)
    let lift = random.uniform(0, 0.03)

    var pixels = [UInt8](repeating: 0, count: width * height * 3)
    let center = Point(Float(width) / 2, Float(height) / 2)
    let radius = 1 / (center.x * center.x + center.y * center.y)
    let blocksPerRow = (width + 3) / 4

    @inline(__always)
    func quantized(_ light: Float, _ bits: UInt32) -> UInt8 {
      let v = max(light, 0)
      // A shoulder: white is reached slowly.
      let toned = v * (1 + v * 0.2) / (1 + v * 0.42) + lift
      // Two values of five bits make a triangle around zero.
      let noise = Float(Int32((bits & 31) + ((bits >> 5) & 31))) * (1.0 / 31) - 1
      let level = toned.squareRoot() * 255 + noise * grain * 2 + 0.5
      return UInt8(truncatingIfNeeded: Int32(min(max(level, 0), 255)))
    }
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: blocksPerRow * 4) { words in
      pixels.withUnsafeMutableBufferPointer { out in
        for y in 0..<height {
          for block in 0..<blocksPerRow {
            let random = Philox.block(
              counter: SIMD4(
                UInt32(y * blocksPerRow + block), stream, UInt32(truncatingIfNeeded: position),
                UInt32(truncatingIfNeeded: position >> 32)), key: key)
            words[block * 4] = random.x
            words[block * 4 + 1] = random.y
            words[block * 4 + 2] = random.z
            words[block * 4 + 3] = random.w
          }
          let dy = Float(y) + 0.5 - center.y
          for x in 0..<width {
            let i = y * width + x
            let dx = Float(x) + 0.5 - center.x
            let shading = 1 - vignette * (dx * dx + dy * dy) * radius
            let c = canvas.light[i] * (balance * shading)
            let word = words[x]
            out[i * 3] = quantized(c.x, word)
            out[i * 3 + 1] = quantized(c.y, word >> 10)
            out[i * 3 + 2] = quantized(c.z, word >> 20)
          }
        }
      }
    }
    return Image(width: width, height: height, pixels: pixels)
  }

  /// Mixes each pixel with its eight neighbours (1 2 1 both ways) by `amount`.
  private func soften(_ amount: Float) {
    let (width, height) = (canvas.width, canvas.height)
    guard width > 2, height > 2 else { return }
    let pixels = canvas.light
    let side = amount / 4
    for y in 0..<height {
      let row = pixels + y * width
      var before = row[0]
      for x in 1..<(width - 1) {
        let here = row[x]
        row[x] = here + (before + row[x + 1] - here - here) * side
        before = here
      }
    }
    var above = [Light](unsafeUninitializedCapacity: width) { buffer, count in
      for x in 0..<width { buffer.initializeElement(at: x, to: pixels[x]) }
      count = width
    }
    above.withUnsafeMutableBufferPointer { above in
      for y in 1..<(height - 1) {
        let row = pixels + y * width
        for x in 0..<width {
          let here = row[x]
          row[x] = here + (above[x] + row[x + width] - here - here) * side
          above[x] = here
        }
      }
    }
  }
}

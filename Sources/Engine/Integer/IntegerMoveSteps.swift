import Tensors

/// Channels side by side, from several values or from some channels of one.
final class IntegerChannelsStep: IntegerStep {
  struct Part {
    var x: UnsafePointer<Int8>
    /// From one row of it to the next.
    var stride: Int
    var first, count: Int
  }

  let name: String
  let output: Int
  private let parts: [Part]
  private let y: UnsafeMutablePointer<Int8>
  private let extents: IntegerExtents

  init(
    name: String, output: Int, parts: [Part], y: UnsafeMutablePointer<Int8>,
    _ extents: IntegerExtents
  ) {
    (self.name, self.output, self.parts, self.y) = (name, output, parts, y)
    self.extents = extents
  }

  func run() {
    var channel = 0
    for part in parts {
      for row in 0..<extents.rows {
        (y + row * extents.C + channel).update(
          from: part.x + row * part.stride + part.first, count: part.count)
      }
      channel += part.count
    }
  }
}

/// Every pixel repeated `factor` × `factor` times.
final class IntegerUpsampleStep: IntegerStep {
  let name: String
  let output: Int
  private let factor: Int
  private let x: UnsafePointer<Int8>
  private let y: UnsafeMutablePointer<Int8>
  /// Of the output.
  private let extents: IntegerExtents

  init(
    name: String, output: Int, factor: Int, x: UnsafePointer<Int8>,
    y: UnsafeMutablePointer<Int8>, _ extents: IntegerExtents
  ) {
    (self.name, self.output, self.factor, self.x, self.y) = (name, output, factor, x, y)
    self.extents = extents
  }

  func run() {
    let (H, W, C) = (extents.H, extents.W, extents.C)
    for row in 0..<extents.rows {
      let (n, h, w) = (row / W / H, row / W % H, row % W)
      let from = ((n * H / factor + h / factor) * (W / factor) + w / factor) * C
      (y + row * C).update(from: x + from, count: C)
    }
  }
}

/// The largest integer of every window; padding takes no part.
final class IntegerMaxPoolStep: IntegerStep {
  let name: String
  let output: Int
  private let kernel, stride, padding: Int
  private let x: UnsafePointer<Int8>
  private let y: UnsafeMutablePointer<Int8>
  private let input, extents: IntegerExtents

  init(
    name: String, output: Int, kernel: Int, stride: Int, padding: Int, x: UnsafePointer<Int8>,
    y: UnsafeMutablePointer<Int8>, input: IntegerExtents, _ extents: IntegerExtents
  ) {
    (self.name, self.output, self.kernel) = (name, output, kernel)
    (self.stride, self.padding, self.x, self.y) = (stride, padding, x, y)
    (self.input, self.extents) = (input, extents)
  }

  func run() {
    let C = extents.C
    for row in 0..<extents.rows {
      let (n, p, q) = (
        row / extents.W / extents.H, row / extents.W % extents.H, row % extents.W
      )
      let out = y + row * C
      out.update(repeating: .min, count: C)
      for h in max(p * stride - padding, 0)..<min(p * stride - padding + kernel, input.H) {
        for w in max(q * stride - padding, 0)..<min(q * stride - padding + kernel, input.W) {
          let pixel = x + ((n * input.H + h) * input.W + w) * C
          for c in 0..<C { out[c] = max(out[c], pixel[c]) }
        }
      }
    }
  }
}

import Quantization
import Tensors
import Testing
import Training

@Suite struct AdaptiveRoundingTests {
  /// Weights, inputs that hang together, and the float layer's outputs.
  private struct Layer {
    let (R, K, m): (Int, Int, Int)
    var w, x, y: [Float]

    init(R: Int, K: Int, m: Int, seed: UInt64) {
      (self.R, self.K, self.m) = (R, K, m)
      var random = Philox(seed: seed)
      w = (0..<R * K).map { _ in random.uniform(-1, 1) }
      x = []
      for _ in 0..<m {
        // A common part makes neighbouring roundings matter to each other.
        let common = random.uniform(0, 2)
        for _ in 0..<K { x.append(common + random.uniform(-0.5, 0.5)) }
      }
      y = []
      for row in 0..<m {
        for o in 0..<R {
          y.append((0..<K).reduce(0) { $0 + x[row * K + $1] * w[o * K + $1] })
        }
      }
    }

    func squaredError(_ q: [Float], row o: Int) -> Double {
      (0..<m).reduce(0.0) { sum, row in
        let z = (0..<K).reduce(Float(0)) { $0 + x[row * K + $1] * q[o * K + $1] }
        let error = Double(z - y[row * R + o])
        return sum + error * error / Double(m)
      }
    }

    func rounded(bits: Int, _ settings: AdaptiveRounding = AdaptiveRounding(stepCount: 300))
      -> AdaptiveRounding.Result
    {
      settings.rounded(
        w, .init(w, x, y, 0..<R, K: K, O: R), .init(x, K: K), bits: bits)
    }
  }

  @Test(arguments: [2, 3, 4, 8])
  func `the layer's output is nearer to the float one than after rounding to the nearest`(bits: Int)
  {
    let layer = Layer(R: 7, K: 27, m: 200, seed: 5)
    let result = layer.rounded(bits: bits)
    let nearest = WeightGrid(Tensor(layer.w, shape: [7, 27]), bits: bits)
      .fakeQuantize(Tensor(layer.w, shape: [7, 27])).values(as: Float.self)
    var total = (before: 0.0, after: 0.0)
    for o in 0..<7 {
      let (before, after) = (
        layer.squaredError(nearest, row: o), layer.squaredError(result.weights, row: o)
      )
      // Rounding to the nearest is where the search begins: a row may stay there, and never ends above it.
      #expect(after <= (1 + 1e-4) * before, "row \(o): \(after) of \(before)")
      total = (total.before + before, total.after + after)
      // The matrices hold the error of the outputs themselves, in FP32 sums.
      #expect(abs(result.before[o] - before) <= 1e-3 * before + 1e-6)
      #expect(abs(result.after[o] - after) <= 1e-3 * before + 1e-6)
    }
    #expect(total.after < 0.95 * total.before, "\(total)")
  }

  @Test func `on few weights no other rounding up or down is better`() {
    let layer = Layer(R: 4, K: 8, m: 60, seed: 9)
    var settings = AdaptiveRounding(stepCount: 300)
    settings.ends = [1]
    let result = layer.rounded(bits: 3, settings)
    for o in 0..<4 {
      let row = Array(layer.w[o * 8..<(o + 1) * 8])
      let scale = row.map(abs).max()! / 3
      var best = Double.infinity
      for choice in 0..<1 << 8 {
        var q = layer.w
        for i in 0..<8 {
          let steps = row[i] / scale
          let up = choice >> i & 1 == 1
          let whole = abs(steps) > 3 - 1e-5 ? steps.rounded() : steps.rounded(.down) + (up ? 1 : 0)
          q[o * 8 + i] = min(max(whole, -3), 3) * scale
        }
        best = min(best, layer.squaredError(q, row: o))
      }
      // Descent ends where no single weight helps any more; that may be just beside the best.
      #expect(result.after[o] <= 1.3 * best, "row \(o): \(result.after[o]), best \(best)")
    }
  }

  @Test(arguments: [2, 4, 8])
  func `the integers survive being put on a grid again`(bits: Int) {
    let layer = Layer(R: 9, K: 18, m: 100, seed: 2)
    let result = layer.rounded(bits: bits)
    let weights = Tensor(result.weights, shape: [9, 18])
    let grid = WeightGrid(weights, bits: bits)
    let again = grid.fakeQuantize(weights).values(as: Float.self)
    let integers = grid.quantize(weights).values(as: Int8.self)
    let limit = Int8((1 << (bits - 1)) - 1)
    for o in 0..<9 {
      let row = o * 18..<(o + 1) * 18
      #expect(integers[row].contains { abs($0) == limit })
      for i in row {
        // The scale comes back from the largest weight with a rounding of its own.
        #expect(abs(again[i] - result.weights[i]) <= 2 * result.weights[i].ulp + 1e-30)
        #expect(abs(result.weights[i] / grid.scales[o] - Float(integers[i])) < 1e-4)
      }
    }
  }

  @Test func `a channel without weights stays without`() {
    var layer = Layer(R: 2, K: 9, m: 50, seed: 3)
    for i in 0..<9 { layer.w[i] = 0 }
    #expect(layer.rounded(bits: 4).weights[..<9].allSatisfy { $0 == 0 })
  }

  @Test func `the same numbers give the same bits`() {
    let layer = Layer(R: 5, K: 16, m: 80, seed: 8)
    #expect(layer.rounded(bits: 4).weights == layer.rounded(bits: 4).weights)
  }
}

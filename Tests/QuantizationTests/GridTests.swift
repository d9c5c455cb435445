import Foundation
import Quantization
import Testing

@Suite struct GridTests {
  @Test func `rounding is to the nearest, ties to even`() {
    let grid = Grid(scale: 0.5, zeroPoint: 0, minimum: -128, maximum: 127)
    for (x, q) in [
      (0.25, 0), (0.75, 2), (1.25, 2), (1.75, 4), (-0.25, 0), (-0.75, -2), (-1.25, -2),
      (0.26, 1), (0.24, 0), (0.7499, 1),
    ] as [(Float, Int32)] {
      #expect(grid.quantize(x) == q, "\(x)")
    }
    // The tie is decided before an odd zero point is added.
    let shifted = Grid(scale: 1, zeroPoint: 3, minimum: -128, maximum: 127)
    #expect(shifted.quantize(0.5) == 3)
    #expect(shifted.quantize(1.5) == 5)
  }

  @Test func `a range as wide as numbers go has a grid`() {
    let most = Float.greatestFiniteMagnitude
    for symmetric in [true, false] {
      for (low, high) in [(-most, most), (0, most), (-most, 0), (-3e38, 3e38)] as [(Float, Float)] {
        let grid = Grid(covering: low, high, bits: 8, symmetric: symmetric)
        #expect(grid.scale > 0 && grid.scale.isFinite)
        #expect(grid.quantize(high) >= grid.quantize(low))
      }
    }
  }

  @Test func `integers saturate at the ends, infinities too; NaN is the lowest`() {
    let grid = Grid(scale: 1, zeroPoint: 10, minimum: -128, maximum: 127)
    #expect(grid.quantize(1e9) == 127)
    #expect(grid.quantize(-1e9) == -128)
    #expect(grid.quantize(.infinity) == 127)
    #expect(grid.quantize(-.infinity) == -128)
    #expect(grid.quantize(.nan) == -128)
    #expect(grid.low == -138)
    #expect(grid.high == 117)
  }

  @Test(arguments: [2, 3, 4, 8])
  func `a symmetric grid has the larger magnitude on its last integer`(bits: Int) {
    let limit = Int32(1) << Int32(bits - 1) - 1
    let grid = Grid(covering: -3, 1, bits: bits, symmetric: true)
    #expect(grid.zeroPoint == 0)
    #expect(grid.minimum == -limit - 1 && grid.maximum == limit)
    #expect(grid.scale == 3 / Float(limit))
    #expect(grid.quantize(-3) == -limit)
    #expect(Grid(covering: 1, 3, bits: bits, symmetric: true).quantize(3) == limit)
  }

  @Test func `an affine grid uses every integer`() {
    let grid = Grid(covering: -1, 3, bits: 8, symmetric: false)
    #expect(grid.scale == Float(4) / 255)
    #expect(grid.quantize(-1) == -128)
    #expect(grid.quantize(3) == 127)
    #expect(grid.zeroPoint == -64)
    // A range that leaves 0 out is widened to it.
    let positive = Grid(covering: 2, 4, bits: 8, symmetric: false)
    #expect(positive.zeroPoint == -128 && positive.scale == Float(4) / 255)
    let negative = Grid(covering: -4, -2, bits: 8, symmetric: false)
    #expect(negative.zeroPoint == 127 && negative.scale == Float(4) / 255)
  }

  @Test(arguments: [true, false])
  func `zero is exact on every grid, and values inside are off by half a step at most`(
    symmetric: Bool
  ) {
    for (low, high) in [
      (-1, 3), (0, 6), (-0.28, 5.1), (-7, 0), (-1e-30, 1e-30), (-1e30, 3e30), (-0.001, 1000),
    ] as [(Float, Float)] {
      for bits in 2...8 {
        let grid = Grid(covering: low, high, bits: bits, symmetric: symmetric)
        #expect(grid.fakeQuantize(0) == 0)
        #expect(grid.quantize(0) == grid.zeroPoint)
        for part in 0...20 {
          let x = low + (high - low) * Float(part) / 20
          // The affine zero point is rounded, which may move the ends by another half step.
          let bound: Float = symmetric ? 0.5 : 1
          #expect(abs(grid.fakeQuantize(x) - x) <= bound * grid.scale * 1.001, "\(x), \(grid)")
        }
      }
    }
  }

  @Test(arguments: [true, false])
  func `a range of only zero gives a grid on which everything observed is zero`(symmetric: Bool) {
    let grid = Grid(covering: 0, 0, bits: 8, symmetric: symmetric)
    #expect(grid.scale == .leastNormalMagnitude)
    #expect(grid.fakeQuantize(0) == 0)
    #expect(grid.fakeQuantize(1) < 1e-30)
  }

  @Test func `numbers on the grid stay where they are`() {
    let grid = Grid(covering: -0.2785, 7.31, bits: 8, symmetric: false)
    for q in grid.minimum...grid.maximum {
      #expect(grid.quantize(grid.dequantize(q)) == q)
    }
  }

  @Test func `a grid survives JSON with every bit of its scale`() throws {
    let grid = Grid(covering: -0.1, 0.7, bits: 8, symmetric: true)
    #expect(try JSONDecoder().decode(Grid.self, from: JSONEncoder().encode(grid)) == grid)
  }
}

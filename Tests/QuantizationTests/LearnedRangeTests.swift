import Graphs
import Quantization
import Tensors
import Testing

@Suite struct LearnedRangeTests {
  private func site(_ bits: Int, symmetric: Bool, shifted: Bool? = nil) -> Site {
    var site = Site(name: "x", bits: bits, symmetric: symmetric)
    site.shifted = shifted
    return site
  }

  @Test(arguments: [LearnedRange.Method.lsq, .pact], [2, 4, 7, 8])
  func `a grid gives learned numbers, and these the grid`(method: LearnedRange.Method, bits: Int) {
    var sites = [site(bits, symmetric: true), site(bits, symmetric: false)]
    if bits < 8 { sites.append(site(bits, symmetric: true, shifted: true)) }
    for site in sites {
      for (low, high) in [(Float(-0.28), Float(5.5)), (0, 3), (-2, 0.1), (-1, 1)] {
        let grid = site.grid(covering: low, high)
        let values = site.learnedValues(method, of: grid)
        #expect(values.count == (site.hasTwoEnds ? 2 : 1))
        let again = site.grid(learned: method, values)
        // The ends are rounded on their way through Float.
        #expect(abs(again.scale - grid.scale) <= 4 * grid.scale.ulp, "\(site) \(low) \(high)")
        #expect(
          (again.minimum, again.maximum, again.zeroPoint)
            == (grid.minimum, grid.maximum, grid.zeroPoint), "\(site) \(low) \(high)")
        #expect((-128...127).contains(again.minimum) && (-128...127).contains(again.maximum))
        #expect(!site.symmetric || again.zeroPoint == 0)
      }
    }
  }

  @Test func `numbers that are no scale give the narrowest grid and no trap`() {
    for value in [Float(0), -1, .nan, .infinity] {
      for method in [LearnedRange.Method.lsq, .pact] {
        let affine = site(8, symmetric: false).grid(learned: method, [value, -value])
        #expect(affine.scale > 0 && affine.scale.isFinite)
        #expect(site(8, symmetric: true).grid(learned: method, [value]).scale > 0)
      }
    }
  }

  @Test func `the scale of least squared error clips an outlier and no other weight`() {
    var random = Philox(seed: 3)
    var values = (0..<512).map { _ in random.uniform(-1, 1) }
    values[7] = 3
    let weight = Tensor(values, shape: [2, 256])
    func error(_ grid: WeightGrid) -> [Double] {
      let rounded = grid.fakeQuantize(weight).values(as: Float.self)
      return (0..<2).map { o in
        (o * 256..<(o + 1) * 256).reduce(0) { sum, i in
          let difference = Double(values[i] - rounded[i])
          return sum + difference * difference
        }
      }
    }
    let (best, largest) = (
      WeightGrid(leastSquaredError: weight, bits: 4), WeightGrid(weight, bits: 4)
    )
    #expect(best.scales[0] < largest.scales[0])
    #expect(zip(error(best), error(largest)).allSatisfy { $0 <= $1 })
    let zeros = Tensor(shape: [1, 4], dtype: .float32)
    #expect(WeightGrid(leastSquaredError: zeros, bits: 4).scales == [1])
  }
}

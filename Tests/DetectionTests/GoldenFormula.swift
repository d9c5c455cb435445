/// The numbers that golden inputs are filled with; `scripts/goldens/formula.py` in Swift.
enum GoldenFormula {
  static func hash(_ index: Int, seed: UInt32) -> UInt32 {
    var h = UInt32(truncatingIfNeeded: index) &* 2_654_435_761 &+ seed
    h ^= h >> 16
    h &*= 0x45d9f3b
    h ^= h >> 16
    h &*= 0x45d9f3b
    return h ^ (h >> 16)
  }

  static func fnv1a32(_ name: String) -> UInt32 {
    name.utf8.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
  }

  /// `scale`·(2u − 1) + `offset` for indices 0 ..< `count`.
  static func signed(
    count: Int, name: String, scale: Double = 1, offset: Double = 0
  ) -> [Float] {
    let seed = fnv1a32(name)
    return (0..<count).map {
      Float((2 * (Double(hash($0, seed: seed)) / 0x1p32) - 1) * scale + offset)
    }
  }
}

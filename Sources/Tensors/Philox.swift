/// A counter-based random generator: Philox4x32 with ten rounds.
///
/// Its output is a pure function of the key and the counter, so whoever asks for the numbers of a
/// sample gets the same ones on any rank and in any order.
///
/// *Source:* Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
public struct Philox: RandomNumberGenerator, Sendable {
  private var key: SIMD2<UInt32>
  private var counter: SIMD4<UInt32>
  private var block: SIMD4<UInt32> = .zero
  private var used = 4

  /// The stream of (`seed`, `stream`, `position`): e.g. (seed, epoch, sample).
  public init(seed: UInt64, stream: UInt64 = 0, position: UInt64 = 0) {
    key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    // Word 0 counts blocks inside the stream; `stream` gets 32 bits and `position` 64.
    precondition(stream <= UInt64(UInt32.max), "stream \(stream) does not fit in 32 bits")
    counter = SIMD4(
      0, UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: position),
      UInt32(truncatingIfNeeded: position >> 32))
  }

  /// The four words of one counter under one key.
  public static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var x = counter
    var k = key
    for _ in 0..<10 {
      let a = UInt64(0xD251_1F53) * UInt64(x[0])
      let b = UInt64(0xCD9E_8D57) * UInt64(x[2])
      x = SIMD4(
        UInt32(b >> 32) ^ x[1] ^ k[0], UInt32(truncatingIfNeeded: b),
        UInt32(a >> 32) ^ x[3] ^ k[1], UInt32(truncatingIfNeeded: a))
      k = k &+ SIMD2(0x9E37_79B9, 0xBB67_AE85)
    }
    return x
  }

  /// The next 32 random bits.
  public mutating func nextWord() -> UInt32 {
    if used == 4 {
      block = Self.block(counter: counter, key: key)
      counter[0] &+= 1
      used = 0
    }
    defer { used += 1 }
    return block[used]
  }

  public mutating func next() -> UInt64 {
    let low = UInt64(nextWord())
    return low | UInt64(nextWord()) << 32
  }

  /// Uniform in [0, 1): 24 random bits, exact in `Float`.
  public mutating func uniform() -> Float { Float(nextWord() >> 8) * 0x1p-24 }

  /// Uniform in [`low`, `high`).
  public mutating func uniform(_ low: Float, _ high: Float) -> Float {
    low + (high - low) * uniform()
  }

  /// Uniform in 0 ..< `bound` (multiply-shift; the bias is below `bound`/2³²).
  public mutating func integer(below bound: Int) -> Int {
    precondition(bound > 0 && bound <= Int(UInt32.max), "bound \(bound)")
    return Int((UInt64(nextWord()) * UInt64(bound)) >> 32)
  }

  /// Fisher-Yates, in an order that depends on this generator alone.
  public mutating func shuffle<Element>(_ elements: inout [Element]) {
    guard elements.count > 1 else { return }
    for i in stride(from: elements.count - 1, through: 1, by: -1) {
      elements.swapAt(i, integer(below: i + 1))
    }
  }
}

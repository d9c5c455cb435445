import CPeaks

/// What one core can compute at most, in 10⁹ operations per second, a multiply-add being two.
///
/// Measured with loops of independent multiply-adds in registers: FP32 with the widest instruction
/// set there is, bfloat16 with `vdpbf16ps`, int8 (u8·s8→s32) with `vpdpbusd`. A core that lacks the
/// instruction has no peak of that kind. Tiles (AMX) are not counted: a library that uses them may
/// exceed these peaks.
public struct ComputePeak: Hashable, Sendable {
  /// What a convolution multiplies.
  public enum Arithmetic: String, Hashable, Sendable, CaseIterable {
    case float32, bfloat16, int8

    /// What oneDNN's implementation of that name computes in, e.g. `brgconv:avx512_core_vnni`.
    public init(implementation: String) {
      if implementation.contains("bf16") {
        self = .bfloat16
      } else if implementation.contains("vnni") || implementation.contains("int8") {
        self = .int8
      } else {
        self = .float32
      }
    }
  }

  public var float32: Double
  public var bfloat16: Double?
  public var int8: Double?

  public init(float32: Double, bfloat16: Double? = nil, int8: Double? = nil) {
    self.float32 = float32
    self.bfloat16 = bfloat16
    self.int8 = int8
  }

  public subscript(arithmetic: Arithmetic) -> Double? {
    switch arithmetic {
    case .float32: float32
    case .bfloat16: bfloat16
    case .int8: int8
    }
  }

  /// Measures on the core this thread is on; takes a fifth of a second.
  public static func measure() -> ComputePeak {
    let chains = Double(CPEAKS_CHAINS)
    let float32: Double
    if cpeaks_has_avx512() != 0 {
      // Some cores run two narrow instructions in the time of one wide one.
      float32 = max(
        rate(16 * chains) { Double(cpeaks_float32_avx512($0, 0.999, 0.001)) },
        rate(8 * chains) { Double(cpeaks_float32_avx2($0, 0.999, 0.001)) })
    } else if cpeaks_has_fma() != 0 {
      float32 = rate(8 * chains) { Double(cpeaks_float32_avx2($0, 0.999, 0.001)) }
    } else {
      float32 = rate(Double(4 * CPEAKS_PORTABLE_LANES)) {
        Double(cpeaks_float32_portable($0, 0.999, 0.001))
      }
    }
    return ComputePeak(
      float32: float32,
      bfloat16: cpeaks_has_bf16() == 0
        ? nil : rate(32 * chains) { Double(cpeaks_bfloat16($0, 0.999, 0.001)) },
      int8: cpeaks_has_vnni() == 0
        ? nil : rate(64 * chains) { Double(cpeaks_int8($0, 3, 5)) })
  }

  /// The best of several short runs: another process or an interrupt can only slow one down.
  private static func rate(_ multiplyAddsPerRound: Double, _ run: (Int) -> Double) -> Double {
    let rounds = 400_000
    var shortest = Double.infinity
    var sum = 0.0
    for _ in 0..<24 { shortest = min(shortest, secondsTaken { sum += run(rounds) }) }
    // The results must be used, or the loops would be left out.
    precondition(!sum.isNaN, "a peak loop ran out of range")
    return 2 * multiplyAddsPerRound * Double(rounds) / shortest * 1e-9
  }
}

extension ComputePeak {
  /// That of `count` such cores.
  public func times(_ count: Int) -> ComputePeak {
    let n = Double(count)
    return ComputePeak(
      float32: n * float32, bfloat16: bfloat16.map { n * $0 }, int8: int8.map { n * $0 })
  }
}

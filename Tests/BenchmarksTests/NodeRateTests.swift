import Benchmarks
import Testing

@Suite struct NodeRateTests {
  private let peak = ComputePeak(float32: 100, bfloat16: 200, int8: 400)

  @Test func `the implementation's name tells what is multiplied`() {
    func arithmetic(_ name: String) -> ComputePeak.Arithmetic { .init(implementation: name) }
    #expect(arithmetic("brgconv:avx512_core") == .float32)
    #expect(arithmetic("jit:avx2") == .float32)
    #expect(arithmetic("jit_bf16:avx512_core_bf16") == .bfloat16)
    #expect(arithmetic("brgconv:avx512_core_vnni") == .int8)
    #expect(arithmetic("jit_int8_1x1:avx512_core_vnni") == .int8)
  }

  @Test func `three float passes at half the peak`() {
    // 3 · 1e9 operations in 60 ms: 50 GFLOP/s of 100.
    let rate = NodeRate(
      operationCount: 1_000_000_000, implementations: ["jit:avx2", "jit:avx2", "jit:avx2"],
      seconds: 0.06, peak: peak)
    #expect(abs(rate.gigaOperationsPerSecond - 50) < 1e-9)
    #expect(abs(rate.shareOfPeak! - 0.5) < 1e-12)
  }

  @Test func `each pass counts against the peak of what it multiplies`() {
    // At the peaks: forward 2.5 ms as int8, backward 2 · 10 ms in float.
    let rate = NodeRate(
      operationCount: 1_000_000_000,
      implementations: ["brgconv:avx512_core_vnni", "jit:avx512_core", "jit:avx512_core"],
      seconds: 0.045, peak: peak)
    #expect(abs(rate.shareOfPeak! - 0.5) < 1e-12)
  }

  @Test func `a pass without a known peak leaves the share open`() {
    let rate = NodeRate(
      operationCount: 1000, implementations: ["jit_int8:avx2"], seconds: 1,
      peak: ComputePeak(float32: 100))
    #expect(rate.shareOfPeak == nil)
  }

  @Test func `a core multiplies small numbers at least as fast as large ones`() {
    let peak = ComputePeak.measure()
    // No core from the last 20 years is slower, none of the next ones faster.
    #expect((1...100_000).contains(peak.float32))
    // Two measurements a few milliseconds apart on a busy machine: 0.7.
    if let bfloat16 = peak.bfloat16 { #expect(bfloat16 > 0.7 * peak.float32) }
    if let int8 = peak.int8 { #expect(int8 > 0.7 * peak.float32) }
  }
}

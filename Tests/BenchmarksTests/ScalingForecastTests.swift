import Benchmarks
import Testing

@Suite struct ScalingForecastTests {
  /// Steps of 0.4 s, 12 MB, 10 µs a message, 10 Gb/s.
  private func forecast(hidden: Double = 0) -> ScalingForecast {
    ScalingForecast(
      computeSeconds: 0.4, byteCount: 12_000_000, latencySeconds: 10e-6,
      bytesPerSecond: 1.25e9, hiddenSeconds: hidden)
  }

  private func isClose(_ a: Double, _ b: Double) -> Bool {
    // A few roundings of numbers near 1.
    abs(a - b) <= 1e-12
  }

  @Test func `alone nothing is sent`() {
    #expect(forecast().communicationSeconds(ranks: 1) == 0)
    #expect(forecast().efficiency(ranks: 1) == 1)
  }

  @Test func `four ranks, by hand`() {
    // 2·3·10 µs = 60 µs; 2·3/4·12 MB / 1.25 GB/s = 14.4 ms
    #expect(isClose(forecast().communicationSeconds(ranks: 4), 0.01446))
    #expect(isClose(forecast().stepSeconds(ranks: 4), 0.41446))
    #expect(isClose(forecast().efficiency(ranks: 4), 0.4 / 0.41446))
  }

  @Test func `a thousand ranks, by hand`() {
    // 2·1023·10 µs = 20.46 ms; 2·1023/1024·9.6 ms = 19.18125 ms
    #expect(isClose(forecast().communicationSeconds(ranks: 1024), 0.03964125))
  }

  @Test func `what hides behind the backward pass does not lengthen the step, and no more`() {
    #expect(isClose(forecast(hidden: 0.01).stepSeconds(ranks: 4), 0.40446))
    #expect(forecast(hidden: 0.2).stepSeconds(ranks: 4) == 0.4)
    #expect(forecast(hidden: 0.2).efficiency(ranks: 4) == 1)
  }
}

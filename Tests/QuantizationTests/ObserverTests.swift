import Quantization
import Tensors
import Testing

private func observe<T>(_ values: [Float], _ body: (UnsafeBufferPointer<Float>) -> T) -> T {
  values.withUnsafeBufferPointer(body)
}

/// Normal numbers by the sum of twelve uniform ones; a few outliers and zeros of both signs.
private func values(_ count: Int, seed: UInt64) -> [Float] {
  var random = Philox(seed: seed)
  return (0..<count).map { index in
    if index % 97 == 0 { return index % 2 == 0 ? 0 : -0.0 }
    let x = (0..<12).reduce(Float(0)) { sum, _ in sum + random.uniform(-0.5, 0.5) }
    return index % 501 == 7 ? 10 * x : x
  }
}

/// The parts of `whole` in an order and a grouping of their own.
private func partitions(_ whole: [Float]) -> [[[Float]]] {
  let halves = [Array(whole[..<300]), Array(whole[300...])]
  let strided = (0..<7).map { k in stride(from: k, to: whole.count, by: 7).map { whole[$0] } }
  return [[whole], halves, halves.reversed(), strided, strided.reversed()]
}

@Suite struct ObserverTests {
  @Test func `a range is the same bits in whatever order and grouping it was seen`() {
    let whole = values(1000, seed: 3)
    var seen = Set<MinMaxObserver>()
    for parts in partitions(whole) {
      var total = MinMaxObserver()
      for part in parts {
        var own = MinMaxObserver()
        observe(part) { own.observe($0) }
        total.merge(own)
      }
      seen.insert(total)
    }
    #expect(seen.count == 1)
    #expect(seen.first?.range == Extremes(low: whole.min()!, high: whole.max()!))
  }

  @Test func `a zero of either sign gives the same bits`() {
    let bits = [[0, -0.0], [-0.0, 0]].map { (order: [Float]) in
      var total = MinMaxObserver()
      for x in order {
        var own = MinMaxObserver()
        observe([x]) { own.observe($0) }
        total.merge(own)
      }
      return [total.range!.low.bitPattern, total.range!.high.bitPattern]
    }
    #expect(bits[0] == bits[1])
  }

  @Test func `values that are no numbers are counted and in no range`() {
    var observer = MinMaxObserver()
    observe([.nan, 2, -.infinity, -1, .infinity]) { observer.observe($0) }
    #expect(observer.range == Extremes(low: -1, high: 2) && observer.unusableCount == 3)
    var empty = MinMaxObserver()
    observe([.nan]) { empty.observe($0) }
    #expect(empty.range == nil && empty.unusableCount == 1)
  }

  @Test func `channels have ranges of their own`() {
    var observer = ChannelMinMaxObserver(channelCount: 3)
    observe([1, -2, .nan, 4, -5, .nan]) { observer.observe($0) }
    var other = ChannelMinMaxObserver(channelCount: 3)
    observe([0, -7, 9]) { other.observe($0) }
    observer.merge(other)
    #expect(
      observer.channels.map(\.range) == [
        Extremes(low: 0, high: 4), Extremes(low: -7, high: -2), Extremes(low: 9, high: 9),
      ])
    #expect(observer.channels.map(\.unusableCount) == [0, 0, 2])
  }

  @Test func `counts are the same in whatever order and grouping they were made`() {
    let whole = values(1000, seed: 4)
    let range = Extremes(low: whole.min()!, high: whole.max()!)
    var seen = Set<Histogram>()
    for parts in partitions(whole) {
      var total = Histogram(over: range, binCount: 64)
      for part in parts {
        var own = Histogram(over: range, binCount: 64)
        observe(part) { own.observe($0) }
        total.merge(own)
      }
      seen.insert(total)
    }
    #expect(seen.count == 1)
    #expect(seen.first?.total == 1000)
  }

  @Test
  func `a value at an edge belongs to the bin above it, the last one and outliers to the ends`() {
    var histogram = Histogram(over: Extremes(low: -2, high: 2), binCount: 4)
    observe([-2, -1, -0.0, 0, 1, 1.99, 2, 3, -9, .nan]) { histogram.observe($0) }
    #expect(histogram.counts == [2, 1, 2, 4] && histogram.unusableCount == 1)
    #expect(histogram.center(0) == -1.5 && histogram.binWidth == 1)
  }
}

@Suite struct RangeMethodTests {
  static func histogram(_ values: [Float], binCount: Int = 2048) -> Histogram {
    var result = Histogram(
      over: Extremes(low: values.min()!, high: values.max()!), binCount: binCount)
    observe(values) { result.observe($0) }
    return result
  }

  /// -1 ... 1 in even steps: no part of it can be left out at less than a step's error.
  static let uniform = (0...8000).map { Float($0) / 4000 - 1 }
  /// About normal, with two values far away.
  static let outliers = values(8000, seed: 5).map { abs($0) > 6 ? 0 : $0 } + [25, -25]

  @Test(arguments: [RangeMethod.minMax, .percentile(share: 1), .entropy, .squaredError])
  func `of an even distribution everything is kept`(method: RangeMethod) throws {
    for symmetric in [true, false] {
      let range = try Self.histogram(Self.uniform).range(method, bits: 8, symmetric: symmetric)
      // A search goes in steps of 1/128 of the range.
      #expect(abs(range.low + 1) < 0.02 && abs(range.high - 1) < 0.02, "\(method) \(range)")
    }
  }

  @Test(arguments: [RangeMethod.percentile(share: 0.999), .entropy, .squaredError])
  func `outliers are left out, but not by minimum and maximum`(method: RangeMethod) throws {
    let histogram = Self.histogram(Self.outliers)
    #expect(
      try histogram.range(.minMax, bits: 8, symmetric: true) == Extremes(low: -25, high: 25))
    for symmetric in [true, false] {
      let range = try histogram.range(method, bits: 4, symmetric: symmetric)
      #expect(range.high < 8 && range.high > 1.5, "\(method) \(range)")
      #expect(range.low > -8 && range.low < -1.5, "\(method) \(range)")
    }
  }

  /// Of a normal distribution of variance 1 the best 4-bit symmetric grid ends near 2.5 and the best of 8
  /// bits near 3.9 (Banner et al. 2019, table 1, computes 2.55 and 3.92 for uniform quantizers).
  @Test func `the least squared error of a normal distribution is where theory has it`() throws {
    // The distribution itself as counts, not a sample of it.
    let (bins, end) = (4096, 6.0)
    let counts = (0..<bins).map { bin -> UInt64 in
      let x = (Double(bin) + 0.5) / Double(bins) * 2 * end - end
      return UInt64((1e9 * exponential(-x * x / 2)).rounded())
    }
    let histogram = Histogram(
      over: Extremes(low: Float(-end), high: Float(end)), counts: counts)
    for (bits, expected) in [(4, 2.55), (8, 3.92)] as [(Int, Float)] {
      let range = try histogram.range(.squaredError, bits: bits, symmetric: true)
      #expect(abs(range.high - expected) < 0.2, "\(bits) bits: \(range)")
      #expect(range.low == -range.high)
    }
  }

  private func exponential(_ x: Double) -> Double {
    // e^x by its series around x/1024.
    let y = x / 1024
    var result = 1 + y + y * y / 2 + y * y * y / 6 + y * y * y * y / 24
    for _ in 0..<10 { result *= result }
    return result
  }

  @Test func `percentiles count from both ends`() throws {
    let values = (1...1000).map(Float.init) + (1...1000).map { -Float($0) }
    let range = try Self.histogram(values, binCount: 2000)
      .range(.percentile(share: 0.9), bits: 8, symmetric: false)
    // 5 % of 2000 values at each end.
    #expect(abs(range.high - 900) <= 2 && abs(range.low + 900) <= 2, "\(range)")
  }

  @Test func `a range of positive numbers begins at zero, a symmetric one has equal ends`() throws {
    let values = (0...1000).map { 2 + Float($0) / 500 }
    for method in [RangeMethod.minMax, .percentile(share: 0.99), .entropy, .squaredError] {
      let affine = try Self.histogram(values).range(method, bits: 8, symmetric: false)
      #expect(affine.low == 0 && affine.high > 3.8)
      let symmetric = try Self.histogram(values).range(method, bits: 8, symmetric: true)
      #expect(symmetric.low == -symmetric.high && symmetric.high > 3.8)
    }
  }

  @Test func `nothing, nothing finite and a constant are named`() {
    func sentence(_ histogram: Histogram) -> String {
      let error = #expect(throws: RangeError.self) {
        try histogram.range(.squaredError, bits: 8, symmetric: true)
      }
      return error?.description ?? ""
    }
    let range = Extremes(low: -1, high: 1)
    #expect(sentence(Histogram(over: range)).contains("saw no value"))
    var unusable = Histogram(over: range)
    observe([.nan, .infinity]) { unusable.observe($0) }
    #expect(sentence(unusable).contains("2 values and all of them are NaN or infinite"))
    var constant = Histogram(over: Extremes(low: 0.5, high: 0.5))
    observe([0.5, 0.5]) { constant.observe($0) }
    #expect(sentence(constant).contains("nothing but 0.5"))
  }

  @Test func `ranks that merged their counts choose the same bits`() throws {
    let whole = values(2000, seed: 9)
    let range = Extremes(low: whole.min()!, high: whole.max()!)
    var chosen = Set<Extremes>()
    for parts in partitions(whole) {
      var total = Histogram(over: range)
      for part in parts {
        var own = Histogram(over: range)
        observe(part) { own.observe($0) }
        total.merge(own)
      }
      chosen.insert(try total.range(.entropy, bits: 8, symmetric: false))
    }
    #expect(chosen.count == 1)
  }
}

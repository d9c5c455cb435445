/// What to leave in float, and which layers to give fewer bits, so that the weights or the layers' time fit
/// a budget.
public struct BitProposal: Hashable, Sendable, Codable {
  /// What a mix of bits must fit.
  public enum Budget: Hashable, Sendable {
    /// Bytes of all weights.
    case bytes(Int)
    /// A part of the time at 8 bits.
    case time(part: Double, LayerTimes)
  }

  /// Time with every layer at 8 bits, as proposed, and with every layer lowered.
  public struct Time: Hashable, Sendable, Codable {
    public var unit: LayerTimes.Unit
    public var atEight, proposed, least: Double
  }

  /// Parts that cost most alone and whose leaving out brings it back, best first.
  public var skipped: [String]
  /// Layers that go to the low bits, in the order in which they were chosen.
  public var lowered: [String]
  public var lowBits: Int?
  /// Of the weights: at 8 bits throughout, as proposed, and with every layer lowered.
  public var byteCountAtEight, byteCount, leastByteCount: Int
  /// Where time has a budget.
  public var time: Time?
  /// Whether the mix is within the budget; always without one.
  public var fits: Bool

  /// Bytes of so many weights, packed.
  static func byteCount(_ weights: Int, bits: Int) -> Int { (weights * bits + 7) / 8 }

  /// Layers go to the low bits in the order of what each costs per byte (or time) it saves, until the budget
  /// holds: what a layer costs is the loss of mAP where it was measured (and the noise among equals),
  /// else the noise.
  ///
  /// - Parameters:
  ///   - budget: `nil` lowers none.
  ///   - skipCount: at most so many parts are left in float.
  ///   - leastGain: by how much a part must cost alone, and leaving it out help: in mAP where it was measured, else as a part
  ///     of all noise.
  public init(
    _ report: SensitivityReport, budget: Budget?, skipCount: Int, leastGain: Double
  ) {
    skipped = Self.skipped(report, count: skipCount, leastGain: leastGain)
    lowBits = report.lowBits
    let bits = report.lowBits ?? 8
    func bytes(_ bits: Int) -> Int {
      report.layers.reduce(0) { $0 + Self.byteCount($1.weightCount, bits: bits) }
    }
    (byteCountAtEight, byteCount, leastByteCount) = (bytes(8), bytes(8), bytes(bits))
    if case .time(_, let times) = budget {
      let whole = times.total(report.layers, bits: 8)
      time = Time(
        unit: times.unit, atEight: whole, proposed: whole,
        least: times.total(report.layers, bits: bits))
    }
    lowered = []
    fits = true
    guard let budget else { return }

    func savedBytes(_ row: SensitivityRow) -> Int {
      Self.byteCount(row.weightCount, bits: 8) - Self.byteCount(row.weightCount, bits: bits)
    }
    func saved(_ row: SensitivityRow) -> Double {
      switch budget {
      case .bytes: Double(savedBytes(row))
      case .time(_, let times): times.time(row.name, bits: 8) - times.time(row.name, bits: bits)
      }
    }
    func cost(_ row: SensitivityRow) -> Double {
      guard let mAP = row.alone.mAP, let float = report.float.mAP else { return row.alone.noise }
      return max(0, float - mAP) + 1e-3 * row.alone.noise
    }
    let order = report.low.sorted { a, b in
      let (x, y) = (cost(a) * saved(b), cost(b) * saved(a))
      return x != y ? x < y : a.name < b.name
    }
    for row in order where !isWithin(budget) && saved(row) > 0 {
      lowered.append(row.name)
      byteCount -= savedBytes(row)
      time?.proposed -= saved(row)
    }
    fits = isWithin(budget)
  }

  private func isWithin(_ budget: Budget) -> Bool {
    switch budget {
    case .bytes(let count): byteCount <= count
    // A sum that was taken away layer by layer is not the sum to the last bit.
    case .time(let part, _): time!.proposed <= part * time!.atEight * (1 + 1e-9)
    }
  }

  private static func skipped(
    _ report: SensitivityReport, count: Int, leastGain: Double
  ) -> [String] {
    let measuresMAP = report.whole.mAP != nil
    // The smaller of what a part takes alone and what leaving it out brings back: few pictures make either
    // large by chance, hardly both.
    func gain(_ row: SensitivityRow) -> Double {
      if measuresMAP, let alone = row.alone.mAP, let float = report.float.mAP,
        let without = row.without.mAP, let whole = report.whole.mAP
      {
        return min(float - alone, without - whole)
      }
      let noise = report.whole.noise
      return noise > 0 ? min(row.alone.noise, noise - row.without.noise) / noise : 0
    }
    return report.rows.filter { gain($0) >= leastGain }
      .sorted { (gain($0), $1.name) > (gain($1), $0.name) }
      .prefix(count).map(\.name)
  }
}

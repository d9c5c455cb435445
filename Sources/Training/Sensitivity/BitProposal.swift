/// What to leave in float, and which layers to give fewer bits, so that the weights fit a budget.
public struct BitProposal: Hashable, Sendable, Codable {
  /// Parts whose leaving out brings most back, best first.
  public var skipped: [String]
  /// Layers that go to the low bits, in the order in which they were chosen.
  public var lowered: [String]
  public var lowBits: Int?
  /// Of the weights: at 8 bits throughout, as proposed, and with every layer lowered.
  public var byteCountAtEight, byteCount, leastByteCount: Int

  /// Bytes of so many weights, packed.
  static func byteCount(_ weights: Int, bits: Int) -> Int { (weights * bits + 7) / 8 }

  /// Layers go to the low bits in the order of what each costs per byte it saves, until the weights
  /// fit: what a layer costs is the loss of mAP where it was measured (and the noise among equals),
  /// else the noise.
  ///
  /// - Parameters:
  ///   - budget: bytes of all weights; `nil` lowers none.
  ///   - skipCount: at most so many parts are left in float.
  ///   - leastGain: by how much leaving a part out must help: in mAP where it was measured, else as a part
  ///     of all noise.
  public init(
    _ report: SensitivityReport, budget: Int?, skipCount: Int, leastGain: Double
  ) {
    let measuresMAP = report.whole.mAP != nil
    func gain(_ row: SensitivityRow) -> Double {
      if measuresMAP, let mAP = row.without.mAP, let whole = report.whole.mAP { return mAP - whole }
      return report.whole.noise > 0 ? 1 - row.without.noise / report.whole.noise : 0
    }
    skipped = report.rows.filter { gain($0) >= leastGain }
      .sorted { (gain($0), $1.name) > (gain($1), $0.name) }
      .prefix(skipCount).map(\.name)
    lowBits = report.lowBits
    let bits = report.lowBits ?? 8
    byteCountAtEight = report.layerWeightCounts.reduce(0) { $0 + Self.byteCount($1, bits: 8) }
    leastByteCount = report.layerWeightCounts.reduce(0) { $0 + Self.byteCount($1, bits: bits) }
    func saved(_ row: SensitivityRow) -> Int {
      Self.byteCount(row.weightCount, bits: 8) - Self.byteCount(row.weightCount, bits: bits)
    }
    func cost(_ row: SensitivityRow) -> Double {
      guard let mAP = row.alone.mAP, let float = report.float.mAP else { return row.alone.noise }
      return max(0, float - mAP) + 1e-3 * row.alone.noise
    }
    let order = report.low.sorted { a, b in
      let (x, y) = (cost(a) * Double(saved(b)), cost(b) * Double(saved(a)))
      return x != y ? x < y : a.name < b.name
    }
    lowered = []
    byteCount = byteCountAtEight
    for row in order where byteCount > budget ?? .max && saved(row) > 0 {
      lowered.append(row.name)
      byteCount -= saved(row)
    }
  }
}

import Datasets
import Engine
import Graphs
import MessagePassing
import Parallel
import Quantization

extension Trainer {
  /// The range of every site, chosen as the recipe says.
  ///
  /// A first pass over the pictures finds the extremes: exact whoever saw them. Where the choice
  /// needs to know how the values are distributed, a second pass counts them between edges that these
  /// extremes give; counts are integers and add up exactly. So the ranges do not depend on the ranks.
  ///
  /// *Collective.*
  /// - Throws: the name of a site that saw nothing, or nothing that a grid can be made for.
  func observedRanges(_ step: ShardStep, _ pictures: CalibrationPictures) throws(FailureReport)
    -> [MovingRange]
  {
    let seen = try observedExtremes(step, pictures)
    let calibration = recipe.quantization.calibration
    guard let method = calibration.rangeMethod else { return seen.moving }
    if method == .minMax {
      return seen.whole.map { MovingRange($0, batchCount: pictures.batchCount) }
    }
    let histograms = SiteHistograms(over: seen.whole, binCount: calibration.bins)
    try count(step, pictures, into: histograms)
    return try everywhere {
      try quantizedGraph.sites.enumerated().map { index, site in
        guard let histogram = histograms.histogram(site: index) else { return MovingRange() }
        return MovingRange(
          try histogram.chosenRange(method, for: site), batchCount: pictures.batchCount)
      }
    }
  }

  /// By site, the mean of the batches' extremes, and the extremes of all; none for fixed ranges.
  private func observedExtremes(_ step: ShardStep, _ pictures: CalibrationPictures)
    throws(FailureReport) -> (moving: [MovingRange], whole: [Extremes?])
  {
    let sites = quantizedGraph.sites
    var moving = Array(repeating: MovingRange(), count: sites.count)
    var whole = Array(repeating: MinMaxObserver(), count: sites.count)
    var isUnbounded = Array(repeating: false, count: sites.count)
    let loader = pictures.loader(shards: globalStep.reduction.shards)
    // Extremes as numbers to take the maximum of, and one for pictures that show something.
    var seen = [Float](repeating: 0, count: 2 * sites.count + 1)
    var own = seen
    var isVaried = false
    for batch in 0..<pictures.batchCount {
      Activity.calibrating.begin(step: state.step)
      for i in seen.indices { seen[i] = -.infinity }
      try communicator.together(exitCode: exitCode) {
        for _ in globalStep.reduction.shards {
          guard let pictures = try loader.next() else { break }
          if pictures.variedCount > 0 { seen[2 * sites.count] = 1 }
          step.observe(pictures)
          own.withUnsafeMutableBufferPointer { step.writeExtremes($0.baseAddress!) }
          for i in 0..<2 * sites.count where own[i] > seen[i] { seen[i] = own[i] }
        }
      }
      try communicator.together {
        try seen.withUnsafeMutableBufferPointer {
          try communicator.allReduce($0.baseAddress!, count: $0.count, .maximum)
        }
      }
      if seen[2 * sites.count] > 0 { isVaried = true }
      for site in sites.indices {
        // A zero has two signs, and which of them was seen first must not show in the bits.
        let (low, high) = (-seen[2 * site] + 0, seen[2 * site + 1] + 0)
        guard low <= high else { continue }
        guard low.isFinite, high.isFinite else {
          isUnbounded[site] = true
          continue
        }
        moving[site].observe(low: low, high: high, momentum: 1 / Float(batch + 1))
        whole[site].merge(MinMaxObserver(range: Extremes(low: low, high: high)))
      }
    }
    return try everywhere {
      guard isVaried else { throw CalibrationError.constantPictures(count: pictures.count) }
      for (index, site) in sites.enumerated() where site.fixedRange == nil {
        if isUnbounded[index] { throw CalibrationError.site(site.name, .isUnbounded) }
        guard let range = whole[index].range else {
          throw CalibrationError.site(site.name, .sawNothing)
        }
        if range.low == range.high {
          throw CalibrationError.site(site.name, .isConstant(range.low))
        }
      }
      return (moving, sites.indices.map { sites[$0].fixedRange == nil ? whole[$0].range : nil })
    }
  }

  /// Counts what the sites see, over all ranks.
  private func count(
    _ step: ShardStep, _ pictures: CalibrationPictures, into histograms: SiteHistograms
  ) throws(FailureReport) {
    step.plan.histograms = histograms
    defer { step.plan.histograms = nil }
    let loader = pictures.loader(shards: globalStep.reduction.shards)
    for _ in 0..<pictures.batchCount {
      Activity.calibrating.begin(step: state.step)
      try communicator.together(exitCode: exitCode) {
        for _ in globalStep.reduction.shards {
          guard let pictures = try loader.next() else { break }
          step.observe(pictures)
        }
      }
    }
    try communicator.together {
      try communicator.allReduce(histograms.counts, count: histograms.count, .sum)
    }
  }

  /// Runs what follows from reduced numbers alone, so that all ranks throw the same or none.
  func everywhere<Result>(_ body: () throws -> Result) throws(FailureReport) -> Result {
    do { return try body() } catch {
      throw FailureReport(message: "\(error)", exitCode: exitCode(error), rank: 0)
    }
  }
}

extension Histogram {
  /// The range for a site's grid.
  ///
  /// - Throws: `CalibrationError` with the site's name.
  func chosenRange(_ method: RangeMethod, for site: Site) throws(CalibrationError)
    -> Extremes
  {
    guard unusableCount == 0 else {
      throw .site(site.name, .sawUnusable(count: unusableCount))
    }
    do { return try range(method, bits: site.bits, symmetric: site.symmetric) } catch {
      throw .site(site.name, error)
    }
  }
}

extension MovingRange {
  /// A range that was chosen from all batches at once; one of nothing where there was none.
  init(_ range: Extremes?, batchCount: Int) {
    self.init()
    if let range { self.init(low: range.low, high: range.high, batchCount: batchCount) }
  }
}

extension Recipe.Quantization.Calibration {
  /// How to choose a range from everything that was seen; `nil` for the mean over batches.
  var rangeMethod: RangeMethod? {
    switch method {
    case .movingAverage: nil
    case .minMax: .minMax
    case .percentile: .percentile(share: percentile)
    case .entropy: .entropy
    case .squaredError: .squaredError
    }
  }
}

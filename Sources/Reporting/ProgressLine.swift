/// Where a run stands, as text. What to print, and when, is for the caller.
public struct ProgressLine: Sendable {
  /// `float`, `calibrate`, `qat`, `evaluate`.
  public var phase: String
  /// From 1.
  public var epoch: Int
  public var epochs: Int
  /// Steps done in this epoch.
  public var step: Int
  public var stepsPerEpoch: Int
  public var imagesPerSecond: Double
  /// Seconds until the run ends; `nil` while unknown.
  public var secondsLeft: Double?
  /// Name and value, in the order shown: losses while an epoch runs, scores when it is done.
  public var values: [(name: String, value: Double)]

  public init(
    phase: String, epoch: Int, epochs: Int, step: Int, stepsPerEpoch: Int, imagesPerSecond: Double,
    secondsLeft: Double?, values: [(name: String, value: Double)]
  ) {
    self.phase = phase
    self.epoch = epoch
    self.epochs = epochs
    self.step = step
    self.stepsPerEpoch = stepsPerEpoch
    self.imagesPerSecond = imagesPerSecond
    self.secondsLeft = secondsLeft
    self.values = values
  }

  /// The line of a finished epoch:
  /// `epoch  3/110  float  box 1.2345  mAP50 0.812  38.2 images/s  14m02s left`.
  public var epochLine: String {
    (["epoch \(count(epoch, of: epochs))", phase] + tail).joined(separator: "  ")
  }

  /// The line of a running epoch, cut to `width` characters, to be written over itself after a
  /// carriage return: `float 3/110 ━━━━━━────── 12/23  box 1.2345  38.2 images/s  14m02s left`.
  public func barLine(width: Int) -> String {
    let head = "\(phase) \(count(epoch, of: epochs)) "
    let after = ([" " + count(step, of: stepsPerEpoch)] + tail).joined(separator: "  ")
    let room = min(max(width - head.count - after.count, 8), 30)
    let line = head + progressBar(done: step, total: stepsPerEpoch, width: room) + after
    return String(line.prefix(max(width, 0)))
  }

  private var tail: [String] {
    var parts = values.map { "\($0.name) \(fixed($0.value, 4))" }
    parts.append("\(fixed(imagesPerSecond, 1)) images/s")
    if let secondsLeft { parts.append("\(duration(seconds: secondsLeft)) left") }
    return parts
  }
}

/// `done` of `total` as a bar of `width` characters; full if there is nothing to do.
public func progressBar(done: Int, total: Int, width: Int) -> String {
  let part = total > 0 ? Double(min(max(done, 0), total)) / Double(total) : 1
  let full = Int(part * Double(width))
  return String(repeating: "━", count: full) + String(repeating: "─", count: width - full)
}

/// Seconds left, if the rest goes as fast as what is done; `nil` before anything is.
public func secondsLeft(done: Int, total: Int, elapsed: Double) -> Double? {
  guard done > 0 else { return nil }
  return elapsed / Double(done) * Double(max(total - done, 0))
}

/// `3/110`, padded so that the line keeps its width.
private func count(_ value: Int, of total: Int) -> String {
  let (a, b) = (String(value), String(total))
  return String(repeating: " ", count: max(b.count - a.count, 0)) + a + "/" + b
}

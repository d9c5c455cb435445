import Foundation
import Glibc
import Parallel
import Reporting
import Texts
import Training

/// Shows a run on the terminal and writes its `results.csv` and `metrics.jsonl`.
///
/// What it shows is progress: a reader that is gone is no reason to stop training.
final class RunReporter: TrainingReporter {
  private let folder: String
  private let isPrinting: Bool
  private let isWriting: Bool
  private let isTerminal: Bool
  private var results: ResultsFile?
  private var metrics: MetricsFile?
  private let start = Date()
  private var epochStart = Date()
  private var pictures = 0
  private var firstStep = 0
  private var isBarShown = false
  /// What was said in words, for a command that prints JSON.
  private(set) var notes: [String] = []

  init(folder: String, isPrinting: Bool, isWriting: Bool) {
    self.folder = folder
    self.isPrinting = isPrinting
    self.isWriting = isWriting
    isTerminal = Self.showsOnTerminal()
  }

  /// Whether what is printed reaches a terminal. A launcher gives its ranks a terminal of its own, so
  /// under one it is the launcher's output that counts.
  private static func showsOnTerminal() -> Bool {
    guard isatty(STDOUT_FILENO) == 1 else { return false }
    guard getenv("OMPI_COMM_WORLD_SIZE") != nil else { return true }
    let output = try? FileManager.default.destinationOfSymbolicLink(
      atPath: "/proc/\(getppid())/fd/1")
    return output?.hasPrefix("/dev/pts/") == true || output?.hasPrefix("/dev/tty") == true
  }

  /// Opens the files, cut back to the epoch and step that the run goes on from.
  func begin(lastEpoch: Int, lastStep: Int) throws {
    firstStep = lastStep
    guard isWriting else { return }
    results = try ResultsFile(
      path: "\(folder)/results.csv", resumingAfter: lastStep > 0 ? lastEpoch : nil)
    metrics = try MetricsFile(
      path: "\(folder)/metrics.jsonl", resumingAfter: lastStep > 0 ? lastStep : nil)
  }

  func note(_ text: String) {
    notes.append(text)
    guard isPrinting else { return }
    clearBar()
    StandardOutput.show(printable(text) + "\n")
  }

  func stepFinished(_ report: StepReport) {
    if report.position == 1 || pictures == 0 { epochStart = Date() }
    pictures += report.pictureCount
    if report.isSkipped {
      note("step \(report.step): the loss or gradient is not finite; the step is skipped")
    }
    guard isPrinting, isTerminal else { return }
    var line = progress(
      phase: report.phase, epoch: report.epoch, epochs: report.epochs, step: report.position,
      stepsPerEpoch: report.stepsPerEpoch, total: report.step)
    line.values = [
      ("box", report.box), ("cls", report.classification), ("dfl", report.distribution),
    ]
    StandardOutput.show("\r\u{1B}[K" + line.barLine(width: terminalWidth()))
    isBarShown = true
  }

  func epochFinished(_ report: EpochReport) {
    var line = progress(
      phase: report.phase, epoch: report.epoch, epochs: report.epochs, step: 1, stepsPerEpoch: 1,
      total: report.step)
    line.imagesPerSecond = Double(report.pictureCount) / max(report.seconds, 1e-9)
    line.secondsLeft = secondsLeft(
      done: report.epoch + 1, total: report.epochs, elapsed: Date().timeIntervalSince(start))
    line.values = [
      ("box", report.box), ("cls", report.classification), ("dfl", report.distribution),
    ].compactMap { name, value in value.map { (name, $0) } }
    if let scores = report.evaluation {
      line.values += [("mAP50", scores.mAP50), ("mAP50-95", scores.mAP50to95)]
    }
    note(line.epochLine)
    let times = report.rankTimes
    // A few steps say nothing.
    if times.hasStraggler, report.stepCount >= 20 {
      note(
        "rank \(times.slowest) computes \(fixed(times.maximum, 3)) s per step, the median rank "
          + "\(fixed(times.median, 3)) s: the others wait for it")
    }
    write(report)
  }

  private func write(_ report: EpochReport) {
    guard isWriting else { return }
    var losses: LossParts?
    if let box = report.box, let classification = report.classification,
      let distribution = report.distribution
    {
      losses = LossParts(box: box, classification: classification, distribution: distribution)
    }
    let scores = report.evaluation.map {
      DetectionScores(
        precision: $0.precision, recall: $0.recall, mAP50: $0.mAP50, mAP50to95: $0.mAP50to95)
    }
    do {
      try results?.append(
        ResultsRow(
          epoch: report.epoch + 1,
          seconds: (results?.secondsBefore ?? 0) + Date().timeIntervalSince(start), train: losses,
          scores: scores, learningRates: report.learningRates))
      let speed = Double(report.pictureCount) / max(report.seconds, 1e-9)
      try metrics?.append(
        step: report.step, kind: "epoch",
        [
          "epoch": .integer(report.epoch + 1), "phase": .text(report.phase.rawValue),
          "box_loss": .number(report.box ?? .nan),
          "cls_loss": .number(report.classification ?? .nan),
          "dfl_loss": .number(report.distribution ?? .nan), "seconds": .number(report.seconds),
          "images_per_s": .number(speed),
          "rank_step_s_min": .number(report.rankTimes.minimum),
          "rank_step_s_median": .number(report.rankTimes.median),
          "rank_step_s_max": .number(report.rankTimes.maximum),
          "slowest_rank": .integer(report.rankTimes.slowest),
          "mAP50": .number(report.evaluation?.mAP50 ?? .nan),
          "mAP50-95": .number(report.evaluation?.mAP50to95 ?? .nan),
        ])
    } catch {
      complain(error)
    }
  }

  func runFinished(_ scores: RunScores) {
    for line in ScoreSummary(scores, runFolder: folder).lines { note(line) }
    guard isWriting, let last = scores.rows.map(\.score.step).max() else { return }
    do { try metrics?.append(scores, step: last) } catch { complain("\(error)") }
  }

  private func progress(
    phase: Phase, epoch: Int, epochs: Int, step: Int, stepsPerEpoch: Int, total: Int
  ) -> ProgressLine {
    let elapsed = Date().timeIntervalSince(start)
    return ProgressLine(
      phase: phase.rawValue, epoch: epoch + 1, epochs: epochs, step: step,
      stepsPerEpoch: stepsPerEpoch,
      imagesPerSecond: Double(pictures) / max(elapsed, 1e-9),
      secondsLeft: secondsLeft(
        done: total - firstStep, total: epochs * stepsPerEpoch - firstStep, elapsed: elapsed),
      values: [])
  }

  private func clearBar() {
    guard isBarShown else { return }
    StandardOutput.show("\r\u{1B}[K")
    isBarShown = false
  }

  private func terminalWidth() -> Int {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20 else { return 80 }
    return Int(size.ws_col) - 1
  }
}

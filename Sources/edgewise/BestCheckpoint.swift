import Checkpoints
import Parallel
import Training

/// What `RUN@best` means: of a run's checkpoints the one whose own weights have the highest mAP50-95.
///
/// Quantized ones compete among themselves, the calibrated one with them; a float one is the best only
/// where no quantized one was scored. Of equal ones the oldest is taken.
struct BestCheckpoint {
  /// Best first.
  let candidates: [CheckpointEntry]

  init(run: String) throws {
    let own = try CheckpointStore(runFolder: run).list()
    let calibrated = try CheckpointStore(runFolder: "\(run)/calibrated").list()
    let scored = (own + calibrated).filter { $0.isComplete && Self.score(of: $0) != nil }
    let quantized = scored.filter { $0.summary?.phase == Phase.qat.rawValue }
    candidates = (quantized.isEmpty ? scored : quantized).sorted {
      let (a, b) = (Self.score(of: $0)!, Self.score(of: $1)!)
      return a == b ? $0.step < $1.step : a > b
    }
  }

  static func score(of entry: CheckpointEntry) -> Double? {
    entry.summary?.metrics["mAP50-95"].flatMap { $0.isFinite ? $0 : nil }
  }

  /// The best one that is whole.
  func reader(run: String) throws -> CheckpointReader {
    for entry in candidates {
      let reader = try CheckpointReader(path: entry.path)
      guard let problem = verify(path: entry.path).problems.first else { return reader }
      complain("passed over \(entry.path): \(problem)")
    }
    throw FailureReport(
      message:
        "\(run) has no whole checkpoint whose weights were scored; give the run's folder alone for its newest one",
      exitCode: 65, rank: 0)
  }
}

import Checkpoints

/// What the networks of a run scored on the validation images, each score with its own step.
///
/// A score belongs to the weights that were evaluated, and to no others.
public struct RunScores: Hashable, Sendable {
  /// One evaluation.
  public struct Score: Hashable, Sendable {
    /// Optimizer steps done when the weights were scored.
    public var step: Int
    public var mAP50to95: Double
    public var mAP50: Double

    public init(step: Int, mAP50to95: Double, mAP50: Double) {
      (self.step, self.mAP50to95, self.mAP50) = (step, mAP50to95, mAP50)
    }
  }

  /// The newest evaluation of a phase and its best one; of equal ones the first.
  public struct History: Hashable, Sendable {
    public var last: Score
    public var best: Score

    public init(_ first: Score) { (last, best) = (first, first) }
  }

  /// Computed in float.
  public var float: History?
  /// Computed as int8, before any training with the rounding.
  public var calibrated: Score?
  /// Computed as int8, while and after training with the rounding.
  public var qat: History?

  public init() {}

  /// Whether nothing was scored yet.
  public var isEmpty: Bool { float == nil && calibrated == nil && qat == nil }

  /// Takes in an evaluation.
  ///
  /// - Returns: whether it is the best of its phase so far.
  mutating func record(_ score: Score, phase: Phase) -> Bool {
    let path: WritableKeyPath<RunScores, History?> = phase == .float ? \.float : \.qat
    guard let known = self[keyPath: path] else {
      self[keyPath: path] = History(score)
      return true
    }
    self[keyPath: path]!.last = score
    let isBest = score.mAP50to95 > known.best.mAP50to95
    if isBest { self[keyPath: path]!.best = score }
    return isBest
  }

  /// Ranges begin anew: what was trained for earlier ones counts no more.
  mutating func recordCalibrated(_ score: Score?) {
    calibrated = score
    qat = nil
  }

  /// Whether training with the rounding never reached what calibration alone gives.
  public var isTrainedBelowCalibrated: Bool {
    guard let calibrated, let qat else { return false }
    return qat.best.mAP50to95 < calibrated.mAP50to95
  }

  /// Name, and score, of all there is, in the order of the run: `float last`, `float best`,
  /// `calibrated`, `qat last`, `qat best`.
  public var rows: [(name: String, score: Score)] {
    var rows: [(name: String, score: Score)] = []
    func append(_ name: String, _ history: History?) {
      guard let history else { return }
      rows.append((name: "\(name) last", score: history.last))
      rows.append((name: "\(name) best", score: history.best))
    }
    append("float", float)
    if let calibrated { rows.append((name: "calibrated", score: calibrated)) }
    append("qat", qat)
    return rows
  }
}

extension RunScores {
  /// The value of `state.scores` in a checkpoint.
  var json: JSONValue {
    var members: [String: JSONValue] = [:]
    if let float { members["float"] = float.json }
    if let calibrated { members["calibrated"] = calibrated.json }
    if let qat { members["qat"] = qat.json }
    return .object(members)
  }

  /// - Returns: `nil` where `json` holds something that is no score of a run.
  init?(json: JSONValue) {
    guard let members = json.object else { return nil }
    for (name, value) in members {
      switch name {
      case "float":
        guard let history = History(json: value) else { return nil }
        float = history
      case "calibrated":
        guard let score = Score(json: value) else { return nil }
        calibrated = score
      case "qat":
        guard let history = History(json: value) else { return nil }
        qat = history
      default: return nil
      }
    }
  }
}

extension RunScores.History {
  fileprivate var json: JSONValue { ["last": last.json, "best": best.json] }

  fileprivate init?(json: JSONValue) {
    guard let last = json["last"].flatMap(RunScores.Score.init(json:)),
      let best = json["best"].flatMap(RunScores.Score.init(json:))
    else { return nil }
    (self.last, self.best) = (last, best)
  }
}

extension RunScores.Score {
  fileprivate var json: JSONValue {
    ["step": .integer(step), "mAP50-95": .number(mAP50to95), "mAP50": .number(mAP50)]
  }

  fileprivate init?(json: JSONValue) {
    guard let step = json["step"]?.int, step >= 0,
      let mAP50to95 = json["mAP50-95"]?.double, (0...1).contains(mAP50to95),
      let mAP50 = json["mAP50"]?.double, (0...1).contains(mAP50)
    else { return nil }
    self.init(step: step, mAP50to95: mAP50to95, mAP50: mAP50)
  }
}

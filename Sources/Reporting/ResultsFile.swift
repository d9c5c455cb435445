/// The three parts of a detection loss.
public struct LossParts: Hashable, Sendable {
  public var box: Double
  public var classification: Double
  public var distribution: Double

  public init(box: Double, classification: Double, distribution: Double) {
    self.box = box
    self.classification = classification
    self.distribution = distribution
  }
}

/// What an evaluation found, as far as `results.csv` has a column for it.
public struct DetectionScores: Hashable, Sendable {
  public var precision: Double
  public var recall: Double
  /// At an overlap of 0.5.
  public var mAP50: Double
  /// The mean over overlaps from 0.5 to 0.95.
  public var mAP50to95: Double
  /// `nil` where the evaluation computes no loss.
  public var loss: LossParts?

  public init(
    precision: Double, recall: Double, mAP50: Double, mAP50to95: Double, loss: LossParts? = nil
  ) {
    self.precision = precision
    self.recall = recall
    self.mAP50 = mAP50
    self.mAP50to95 = mAP50to95
    self.loss = loss
  }
}

/// One epoch in `results.csv`.
public struct ResultsRow: Hashable, Sendable {
  /// From 1, over all phases.
  public var epoch: Int
  /// Seconds since the run began, without those between a stop and the resume.
  public var seconds: Double
  /// `nil` where every step was skipped; its columns are then empty.
  public var train: LossParts?
  /// `nil` in an epoch without evaluation, or with nothing to score; its columns are then empty.
  public var scores: DetectionScores?
  /// Of biases, weights and scales.
  public var learningRates: [Double]

  public init(
    epoch: Int, seconds: Double, train: LossParts?, scores: DetectionScores?,
    learningRates: [Double]
  ) {
    // bounded: of the trainer, or three cells
    precondition(learningRates.count == 3, "\(learningRates.count) learning rates")
    self.epoch = epoch
    self.seconds = seconds
    self.train = train
    self.scores = scores
    self.learningRates = learningRates
  }

  /// The columns that the users' tools look for, in their order.
  public static let header =
    "epoch,time,train/box_loss,train/cls_loss,train/dfl_loss,metrics/precision(B),"
    + "metrics/recall(B),metrics/mAP50(B),metrics/mAP50-95(B),val/box_loss,val/cls_loss,"
    + "val/dfl_loss,lr/pg0,lr/pg1,lr/pg2"

  var line: String {
    func parts(_ loss: LossParts?) -> [Double?] {
      [loss?.box, loss?.classification, loss?.distribution]
    }
    let values: [Double?] =
      [seconds] + parts(train)  // bounded: joins
      + [scores?.precision, scores?.recall, scores?.mAP50, scores?.mAP50to95]
      + parts(scores?.loss) + learningRates  // bounded: joins
    // What is no number leaves its cell empty.
    let cells = values.map { value in value.flatMap { $0.isFinite ? brief($0) : nil } ?? "" }
    return ([String(epoch)] + cells).joined(separator: ",")  // bounded: a join
  }
}

/// `results.csv`: a row per epoch, in the columns that users' tools read.
public struct ResultsFile: Sendable {
  private let file: LineFile
  /// The seconds of the last row gone on from: what the run had taken until then; 0 in a new file.
  public let secondsBefore: Double

  /// Begins a new file at `path`, or goes on with the one there.
  ///
  /// - Parameter lastEpoch: the epoch that a resumed run goes on after: later rows, and one that was
  ///   torn, are dropped. `nil` begins anew.
  /// - Throws: `foreignHeader` where the file to go on with is not of this kind.
  public init(path: String, resumingAfter lastEpoch: Int? = nil) throws(ReportError) {
    file = LineFile(path: path)
    var kept: [Substring] = []
    if let lastEpoch, let lines = try file.lines(), let header = lines.first {
      guard header == ResultsRow.header else {
        throw .foreignHeader(file: path, found: String(header), expected: ResultsRow.header)
      }
      let columns = ResultsRow.header.split(separator: ",").count
      kept = lines.dropFirst().filter { line in
        let cells = line.split(separator: ",", omittingEmptySubsequences: false)
        guard cells.count == columns, let epoch = Int(cells[0]) else { return false }
        return epoch <= lastEpoch
      }
    }
    let cells = kept.last?.split(separator: ",", omittingEmptySubsequences: false)
    secondsBefore =
      cells.flatMap { Double($0[1]) }.flatMap { $0 >= 0 && $0.isFinite ? $0 : nil } ?? 0
    try file.replace(by: [Substring(ResultsRow.header)] + kept)  // bounded: a join
  }

  public func append(_ row: ResultsRow) throws(ReportError) { try file.append(row.line) }
}

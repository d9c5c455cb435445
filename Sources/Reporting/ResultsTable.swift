/// What a `results.csv` holds, row by row.
public struct ResultsTable: Sendable {
  public let rows: [ResultsRow]

  /// - Throws: `cannotRead` where there is no file, `foreignHeader` for another kind of file, and
  ///   `damagedRow` with the line of a row that is none.
  public init(path: String) throws(ReportError) {
    guard let lines = try LineFile(path: path).lines() else {
      throw .cannotRead(file: path, reason: "there is no such file")
    }
    guard lines.first.map(String.init) == ResultsRow.header else {
      throw .foreignHeader(
        file: path, found: lines.first.map(String.init) ?? "", expected: ResultsRow.header)
    }
    var rows: [ResultsRow] = []
    for (index, line) in lines.enumerated().dropFirst() {
      // bounded: lines of a file of at most 64 MiB
      guard let row = ResultsRow(line: line) else { throw .damagedRow(file: path, line: index + 1) }
      rows.append(row)
    }
    self.rows = rows
  }
}

extension ResultsRow {
  /// The row that `line` is; `nil` where cells are missing or no numbers. A cell that says `nan` or `inf`
  /// is read as an empty one.
  init?(line: Substring) {
    let cells = line.split(separator: ",", omittingEmptySubsequences: false)
    guard cells.count == 15, let epoch = Int(cells[0]), epoch > 0 else { return nil }
    var values: [Double?] = []
    for cell in cells.dropFirst() {
      guard let value = Double(cell) else {
        guard cell.isEmpty else { return nil }
        values.append(nil)
        continue
      }
      values.append(value.isFinite ? value : nil)
    }
    // bounded: 14 values, and calls with 1 and 8
    func loss(_ first: Int) -> LossParts? {
      guard let box = values[first], let classification = values[first + 1],
        let distribution = values[first + 2]
      else { return nil }
      return LossParts(box: box, classification: classification, distribution: distribution)
    }
    // bounded: 15 cells, 14 values
    guard let seconds = values[0], values[11...13].allSatisfy({ $0 != nil }) else { return nil }
    var scores: DetectionScores?
    if let precision = values[4], let recall = values[5], let mAP50 = values[6],
      let mAP50to95 = values[7]
    {
      scores = DetectionScores(
        precision: precision, recall: recall, mAP50: mAP50, mAP50to95: mAP50to95, loss: loss(8))
    }
    self.init(
      epoch: epoch, seconds: seconds, train: loss(1), scores: scores,
      learningRates: values[11...13].map { $0! })  // bounded: 14 values, found not to be nil
  }
}

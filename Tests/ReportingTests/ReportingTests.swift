import Foundation
import Reporting
import Testing

/// A folder of the test's own, gone afterwards.
private func inFolder(_ body: (String) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder.path)
}

private func text(_ path: String) throws -> String {
  try String(contentsOfFile: path, encoding: .utf8)
}

private func row(_ epoch: Int, scores: DetectionScores? = nil) -> ResultsRow {
  ResultsRow(
    epoch: epoch, seconds: 7.25 * Double(epoch),
    train: LossParts(box: 1.5, classification: 2.123456789, distribution: .nan), scores: scores,
    learningRates: [0.1, 0.0033333333, 1e-5])
}

@Suite struct ResultsFileTests {
  @Test func `rows stand under the users' columns`() throws {
    try inFolder { folder in
      let path = folder + "/results.csv"
      let file = try ResultsFile(path: path)
      try file.append(row(1))
      try file.append(
        row(
          2,
          scores: DetectionScores(
            precision: 0.9, recall: 0.8, mAP50: 0.85, mAP50to95: 0.5,
            loss: LossParts(box: 1, classification: 2, distribution: 3))))
      #expect(
        try text(path) == """
          epoch,time,train/box_loss,train/cls_loss,train/dfl_loss,metrics/precision(B),metrics/recall(B),metrics/mAP50(B),metrics/mAP50-95(B),val/box_loss,val/cls_loss,val/dfl_loss,lr/pg0,lr/pg1,lr/pg2
          1,7.25,1.5,2.12346,,,,,,,,,0.1,0.00333333,1e-05
          2,14.5,1.5,2.12346,,0.9,0.8,0.85,0.5,1,2,3,0.1,0.00333333,1e-05

          """)
    }
  }

  @Test func `resuming drops later rows and a torn one, beginning anew drops all`() throws {
    try inFolder { folder in
      let path = folder + "/results.csv"
      let file = try ResultsFile(path: path)
      for epoch in 1...4 { try file.append(row(epoch)) }
      let whole = try text(path)
      let three = whole.split(separator: "\n").prefix(4).joined(separator: "\n") + "\n"
      try (whole + "5,36.25,1.5").write(toFile: path, atomically: false, encoding: .utf8)
      let resumed = try ResultsFile(path: path, resumingAfter: 3)
      #expect(try text(path) == three)
      // The clock of the run goes on where the third row left it.
      #expect(resumed.secondsBefore == 21.75 && file.secondsBefore == 0)
      try resumed.append(row(4))
      #expect(try text(path) == whole)
      // A cut right behind a comma leaves few columns, a cut in the last number leaves no line end.
      try (three + "4,29,1\n").write(toFile: path, atomically: false, encoding: .utf8)
      _ = try ResultsFile(path: path, resumingAfter: 9)
      #expect(try text(path) == three)
      _ = try ResultsFile(path: path)
      #expect(try text(path) == ResultsRow.header + "\n")
    }
  }

  @Test func `resuming without a file begins one`() throws {
    try inFolder { folder in
      _ = try ResultsFile(path: folder + "/results.csv", resumingAfter: 3)
      #expect(try text(folder + "/results.csv") == ResultsRow.header + "\n")
    }
  }

  @Test func `another program's file is not touched`() throws {
    try inFolder { folder in
      let path = folder + "/results.csv"
      try "a,b\n1,2\n".write(toFile: path, atomically: false, encoding: .utf8)
      #expect(
        throws: ReportError.foreignHeader(file: path, found: "a,b", expected: ResultsRow.header)
      ) { try ResultsFile(path: path, resumingAfter: 3) }
      #expect(try text(path) == "a,b\n1,2\n")
    }
  }

  @Test func `a pipe under the file's name is refused instead of waited for`() throws {
    try inFolder { folder in
      let path = folder + "/results.csv"
      mkfifo(path, 0o600)
      #expect {
        try ResultsTable(path: path)
      } throws: {
        "\($0)".contains("not a regular file")
      }
      #expect(throws: ReportError.self) { try ResultsFile(path: path, resumingAfter: 1) }
      let metrics = try MetricsFile(path: folder + "/metrics.jsonl")
      unlink(folder + "/metrics.jsonl")
      mkfifo(folder + "/metrics.jsonl", 0o600)
      #expect(throws: ReportError.self) { try metrics.append(step: 1, kind: "a", [:]) }
    }
  }

  @Test func `a folder that is not there is one sentence`() {
    #expect {
      try ResultsFile(path: "/no/such/folder/results.csv")
    } throws: {
      "\($0)"
        == "/no/such/folder/results.csv.new: cannot be written (No such file or directory); check the disk's space and the folder's permissions"
    }
  }
}

@Suite struct MetricsFileTests {
  @Test func `each line is JSON and resuming drops later steps`() throws {
    try inFolder { folder in
      let path = folder + "/metrics.jsonl"
      let file = try MetricsFile(path: path)
      try file.append(step: 9, kind: "step", ["loss": 1.25, "skipped": 0])
      try file.append(step: 10, kind: "evaluation", ["as": "int8 \"é\"\n", "mAP50": .number(.nan)])
      let both =
        "{\"step\":9,\"kind\":\"step\",\"loss\":1.25,\"skipped\":0}\n"
        + "{\"step\":10,\"kind\":\"evaluation\",\"as\":\"int8 \\\"é\\\"\\u000a\",\"mAP50\":null}\n"
      #expect(try text(path) == both)
      for line in both.split(separator: "\n") {
        _ = try JSONSerialization.jsonObject(with: Data(line.utf8))
      }
      _ = try MetricsFile(path: path, resumingAfter: 10)
      #expect(try text(path) == both)
      _ = try MetricsFile(path: path, resumingAfter: 9)
      #expect(try text(path) == both.split(separator: "\n")[0] + "\n")
    }
  }
}

@Suite struct NumberTextTests {
  @Test(arguments: [
    (0, 2, "0.00"), (1.005, 1, "1.0"), (-0.001, 2, "0.00"), (-1.5, 1, "-1.5"), (12.5, 0, "13"),
    (0.0456, 3, "0.046"), (.nan, 1, "nan"), (-.infinity, 1, "-inf"), (1e300, 2, "1e+300"),
  ])
  func `fixed has so many decimals`(value: Double, decimals: Int, expected: String) {
    #expect(fixed(value, decimals) == expected)
  }

  @Test(arguments: [
    (0, "0"), (0.1, "0.1"), (1.0 / 3, "0.333333"), (-2.0 / 3, "-0.666667"), (16, "16"),
    (123_456.7, "123457"), (9.999999, "10"), (1e-5, "1e-05"), (.infinity, "inf"),
    (.leastNonzeroMagnitude, "5e-324"),
  ])
  func `brief has six digits that count`(value: Double, expected: String) {
    #expect(brief(value) == expected)
  }

  @Test(arguments: [
    (0, "0s"), (59.4, "59s"), (59.6, "1m00s"), (190, "3m10s"), (3720, "1h02m"), (183_600, "2d03h"),
    (-1, "?"), (.infinity, "?"),
  ])
  func `durations read as people say them`(seconds: Double, expected: String) {
    #expect(duration(seconds: seconds) == expected)
  }
}

@Suite struct ProgressLineTests {
  private let line = ProgressLine(
    phase: "float", epoch: 3, epochs: 110, step: 12, stepsPerEpoch: 24, imagesPerSecond: 38.24,
    secondsLeft: 842, values: [("box", 1.23456), ("cls", 0.5)])

  @Test func `an epoch's line names what matters`() {
    #expect(
      line.epochLine
        == "epoch   3/110  float  box 1.2346  cls 0.5000  38.2 images/s  14m02s left")
  }

  @Test func `a bar fits its width`() {
    #expect(
      line.barLine(width: 100)
        == "float   3/110 ━━━━━━━━━━━━━━────────────── 12/24  box 1.2346  cls 0.5000  38.2 images/s  14m02s left"
    )
    for width in [0, 1, 20, 80, 200] { #expect(line.barLine(width: width).count <= width) }
    #expect(progressBar(done: 0, total: 0, width: 3) == "━━━")
    #expect(progressBar(done: 9, total: 4, width: 3) == "━━━")
    #expect(progressBar(done: 0, total: 4, width: 3) == "───")
  }

  @Test func `the rest goes as fast as what is done`() {
    #expect(secondsLeft(done: 0, total: 9, elapsed: 3) == nil)
    #expect(secondsLeft(done: 3, total: 9, elapsed: 3) == 6)
    #expect(secondsLeft(done: 9, total: 9, elapsed: 3) == 0)
  }

  @Test func `a table's rows are lines, and its columns those of a terminal`() {
    var table = TextTable([.left("class"), .right("AP")])
    table.append(["a\u{1B}[2J\nb", "1"])
    table.append(["行人", "2"])
    #expect(
      table.description == """
        class          AP
        ─────────────  ──
        a\\u{1b}[2J\\nb   1
        行人            2
        """)
  }

  @Test func `a table's columns are aligned`() {
    var table = TextTable([.left("class"), .right("AP"), .left("note")])
    table.append(["empty", "0.5", ""])
    table.append(["é", "12.25", "few"])
    #expect(
      table.description == """
        class     AP  note
        ─────  ─────  ────
        empty    0.5
        é      12.25  few
        """)
  }
}

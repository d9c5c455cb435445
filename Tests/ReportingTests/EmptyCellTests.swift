import Foundation
import Reporting
import Testing

/// What was not measured leaves its cell empty, and empty cells are read as what was not measured.
@Suite struct EmptyCellTests {
  private func withPath(_ body: (String) throws -> Void) throws {
    let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
  }

  private let row = ResultsRow(
    epoch: 1, seconds: 2, train: nil, scores: nil, learningRates: [0.5, 0.25, 0.125])

  @Test func `an epoch whose steps were all skipped has empty losses`() throws {
    try withPath { path in
      try ResultsFile(path: path).append(row)
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(text.hasSuffix("\n1,2,,,,,,,,,,,0.5,0.25,0.125\n"))
      #expect(try ResultsTable(path: path).rows == [row])
      // Resuming keeps it.
      _ = try ResultsFile(path: path, resumingAfter: 1)
      #expect(try ResultsTable(path: path).rows == [row])
    }
  }

  @Test func `neither file holds nan or infinity`() throws {
    try withPath { path in
      try ResultsFile(path: path).append(
        ResultsRow(
          epoch: 1, seconds: 2, train: .init(box: .nan, classification: .infinity, distribution: 1),
          scores: .init(precision: .nan, recall: -.infinity, mAP50: 0.5, mAP50to95: 0.25),
          learningRates: [0.5, 0.25, 0.125]))
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(text.hasSuffix("\n1,2,,,1,,,0.5,0.25,,,,0.5,0.25,0.125\n"))
    }
    try withPath { path in
      try MetricsFile(path: path).append(
        step: 1, kind: "x", [("a", .number(.nan)), ("b", .number(.infinity))])
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(text == "{\"step\":1,\"kind\":\"x\",\"a\":null,\"b\":null}\n")
    }
  }

  @Test func `what older files say for no number is read as an empty cell`() throws {
    try withPath { path in
      try (ResultsRow.header + "\n1,2,nan,nan,nan,,,,,,,,0.5,0.25,0.125\n").write(
        toFile: path, atomically: true, encoding: .utf8)
      #expect(try ResultsTable(path: path).rows == [row])
    }
  }
}

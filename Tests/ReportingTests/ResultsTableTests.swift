import Foundation
import Reporting
import Testing

@Suite struct ResultsTableTests {
  private func withFile(_ text: String, _ body: (String) throws -> Void) throws {
    let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
  }

  @Test func `what a run wrote comes back`() throws {
    try withFile("") { path in
      let written = [
        ResultsRow(
          epoch: 1, seconds: 2.5, train: .init(box: 4, classification: 3, distribution: 2),
          scores: nil, learningRates: [0.1, 0.01, 0.001]),
        ResultsRow(
          epoch: 2, seconds: 5, train: .init(box: 3, classification: 2, distribution: 1),
          scores: .init(precision: 0.5, recall: 0.25, mAP50: 0.75, mAP50to95: 0.5),
          learningRates: [0.1, 0.01, 0.001]),
      ]
      let file = try ResultsFile(path: path)
      for row in written { try file.append(row) }
      #expect(try ResultsTable(path: path).rows == written)
    }
  }

  @Test func `a damaged row is named by its line`() throws {
    let good = "1,2,3,4,5,,,,,,,,0.1,0.1,0.1"
    for bad in [
      "2,2,3,4,5,,,,,,,,0.1,0.1", "x,2,3,4,5,,,,,,,,0.1,0.1,0.1", "2,2,3,?,5,,,,,,,,0.1,0.1,0.1",
      "2,,3,4,5,,,,,,,,0.1,0.1,0.1", "0,2,3,4,5,,,,,,,,0.1,0.1,0.1", "",
    ] {
      try withFile(ResultsRow.header + "\n" + good + "\n" + bad + "\n") { path in
        #expect(throws: ReportError.damagedRow(file: path, line: 3)) {
          try ResultsTable(path: path)
        }
      }
    }
  }

  @Test func `another file, and none, are refused`() throws {
    try withFile("a,b\n1,2\n") { path in
      #expect(
        throws: ReportError.foreignHeader(file: path, found: "a,b", expected: ResultsRow.header)
      ) { try ResultsTable(path: path) }
    }
    #expect(throws: ReportError.self) { try ResultsTable(path: "/nonexistent/results.csv") }
  }
}

import Foundation
import Reporting
import Testing

/// Results and metrics that are not what they seem.
@Suite final class StrangeFileTests {
  let folder: String

  init() throws {
    folder =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("edgewise-reporting-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private var path: String { folder + "/results.csv" }

  private func row(_ epoch: Int) -> ResultsRow {
    ResultsRow(
      epoch: epoch, seconds: 1, train: LossParts(box: 1, classification: 2, distribution: 3),
      scores: nil, learningRates: [0, 0, 0])
  }

  @Test func `a pipe in place of a file does not hold up the run`() throws {
    try #require(mkfifo(path, 0o600) == 0)
    #expect(throws: ReportError.self) { try ResultsTable(path: path) }
    #expect(throws: ReportError.self) { try ResultsFile(path: path, resumingAfter: 3) }
    #expect(throws: ReportError.self) { try MetricsFile(path: path, resumingAfter: 3) }
    // A new run replaces it.
    try ResultsFile(path: path).append(row(1))
    #expect(try ResultsTable(path: path).rows.count == 1)
    let file = try ResultsFile(path: path)
    unlink(path)
    try #require(mkfifo(path, 0o600) == 0)
    #expect(throws: ReportError.self) { try file.append(row(1)) }
  }

  @Test func `a device is not read, and nothing is written through a link`() throws {
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/zero")
    let error = #expect(throws: ReportError.self) { try ResultsTable(path: path) }
    #expect(error.map { "\($0)" }?.contains("it is not a regular file") == true)
    unlink(path)
    let target = folder + "/precious"
    try "precious".write(toFile: target, atomically: true, encoding: .utf8)
    try FileManager.default.createSymbolicLink(
      atPath: path + ".new", withDestinationPath: target)
    let file = try ResultsFile(path: path)
    unlink(path)
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
    #expect(throws: ReportError.self) { try file.append(row(1)) }
    #expect(try String(contentsOfFile: target, encoding: .utf8) == "precious")
  }

  @Test func `a file of five gigabytes is refused with the limit`() throws {
    FileManager.default.createFile(atPath: path, contents: nil)
    try #require(truncate(path, 5 << 30) == 0)
    let error = #expect(throws: ReportError.self) { try ResultsTable(path: path) }
    #expect(error.map { "\($0)" }?.contains("more than 64 MiB, which is the limit") == true)
  }

  @Test func `seconds that are no number do not go on`() throws {
    try "\(ResultsRow.header)\n1,inf,1,1,1,,,,,,,,0,0,0\n".write(
      toFile: path, atomically: true, encoding: .utf8)
    #expect(try ResultsFile(path: path, resumingAfter: 1).secondsBefore == 0)
  }
}

@Suite struct ExtremeChartTests {
  private func chart(_ values: [Double]) -> String {
    LineChart(
      series: ["run"], axis: "epoch",
      panels: [
        .init(
          title: "loss",
          lines: [values.enumerated().map { .init(x: Double($0.offset + 1), y: $0.element) }])
      ]
    ).svg
  }

  @Test(arguments: [
    [1e308, -1e308], [Double.greatestFiniteMagnitude, 0], [5e-324, 1e-323],
    [1, 1.0000000000000002],
    [1e300, 1e300], [-1e308], [0, 5e-324], [1e16, 1e16 + 2], [.nan, .infinity], [],
    [-1e-308, 1e-308, 1e308],
  ])
  func `any numbers are drawn`(_ values: [Double]) {
    let svg = chart(values)
    #expect(svg.hasSuffix("</svg>\n"))
    #expect(!svg.contains("nan") && !svg.contains("inf"))
  }
}

import ArgumentParser
import Checkpoints
import Foundation
import Reporting

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Draws the curves of one or several runs, and sums each of them up in a line.",
    discussion: """
      Examples:
        edgewise report runs/lot --output curves.svg
        edgewise report runs/seed-1 runs/seed-2 runs/seed-3 --json

      It reads results.csv of each run's folder, also while the run goes on. Losses are those of training, per \
      epoch; scores those of the validation pictures, of the epochs that were scored.
      """)

  @Argument(help: "Folders of runs.", completion: .directory)
  var runs: [String]

  @Option(help: "Draw the curves into this SVG file.", completion: .file())
  var output: String?

  @Flag(help: "Replace the file of --output where it is there already.")
  var force = false

  @Flag(help: "Print one JSON document.")
  var json = false

  func run() throws {
    try endingAlone {
      if let output { try checkNamedSVG(output, option: "--output") }
      let tables = try runs.map { try ResultsTable(path: $0 + "/results.csv").rows }
      if let output {
        try writeWhole(Array(chart(tables).svg.utf8), to: output, isReplacing: force)
      }
      if json {
        printJSON([
          "runs": .array(zip(runs, tables).map { document($0, $1) })
        ])
      } else {
        print(summary(tables))
      }
    }
  }

  private func chart(_ tables: [[ResultsRow]]) -> LineChart {
    func panel(_ title: String, _ value: (ResultsRow) -> Double?) -> LineChart.Panel {
      .init(
        title: title,
        lines: tables.map { rows in
          rows.compactMap { row in value(row).map { .init(x: Double(row.epoch), y: $0) } }
        })
    }
    return LineChart(
      series: runs, axis: "epoch",
      panels: [
        panel("box loss") { $0.train?.box },
        panel("classification loss") { $0.train?.classification },
        panel("distribution loss") { $0.train?.distribution },
        panel("mAP50-95") { $0.scores?.mAP50to95 },
        panel("mAP50") { $0.scores?.mAP50 },
        panel("minutes") { $0.seconds / 60 },
      ])
  }

  private func summary(_ tables: [[ResultsRow]]) -> TextTable {
    var table = TextTable([
      .left("run"), .right("epochs"), .right("time"), .right("last mAP50-95"),
      .right("best mAP50-95"), .right("in epoch"),
    ])
    for (run, rows) in zip(runs, tables) {
      let best = best(rows)
      table.append([
        run, "\(rows.last?.epoch ?? 0)", duration(seconds: rows.last?.seconds ?? 0),
        last(rows).map { fixed($0, 4) } ?? "-",
        best.flatMap(\.scores).map { fixed($0.mAP50to95, 4) } ?? "-",
        best.map { "\($0.epoch)" } ?? "-",
      ])
    }
    return table
  }

  private func document(_ run: String, _ rows: [ResultsRow]) -> JSONValue {
    func value(_ x: Double?) -> JSONValue { x.map { .number($0) } ?? .null }
    let best = best(rows)
    return [
      "run": .string(run), "epochs": .integer(rows.last?.epoch ?? 0),
      "seconds": value(rows.last?.seconds), "last_mAP50-95": value(last(rows)),
      "best_mAP50-95": value(best?.scores?.mAP50to95),
      "best_epoch": best.map { .integer($0.epoch) } ?? .null,
    ]
  }

  private func last(_ rows: [ResultsRow]) -> Double? {
    rows.last { $0.scores != nil }?.scores?.mAP50to95
  }

  /// The first of the epochs with the highest score.
  private func best(_ rows: [ResultsRow]) -> ResultsRow? {
    var best: ResultsRow?
    for row in rows {
      guard let score = row.scores?.mAP50to95 else { continue }
      if score > best?.scores?.mAP50to95 ?? -1 { best = row }
    }
    return best
  }
}

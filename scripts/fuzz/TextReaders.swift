import Reporting
import Training

// The readers of recipes and of what a run writes for people and tools.

private func text(_ string: String) -> [UInt8] { Array(string.utf8) }

let recipe = FuzzedReader {
  [
    text(Recipe().json),
    text("name: lot\nseed: 7\nmodel:\n  inputSize: 64\nschedule: {floatEpochs: 1, qatEpochs: 1}\n"),
    text("batch:\n  size: 8\n  shards: 2\nquantization:\n  overrides: ['model.0.*=4', \"x=8\"]\n"),
    text("a: &a [1, 2]\nb: *a\nc: 1:1:1\nd: 0x7f\ne: .inf\n--- |\n text\n"),
  ]
} read: { _, input in
  let yaml = String(decoding: input, as: UTF8.self)
  guard let read = try? Recipe(yaml: yaml, file: "recipe") else { return }
  _ = try? Recipe(json: read.json)
}

let results = FuzzedReader {
  let row = "1,12.5,0.5,1.25,2,0.5,0.25,0.125,0.1,,,,0.1,0.01,0.01\n"
  return [
    text(ResultsRow.header + "\n" + row + "2" + row.dropFirst()),
    text(ResultsRow.header + "\n1,1e308,-1e308,1e308,nan,inf,-inf,0,0,1,1,1,1,1,1\n"),
  ]
} read: { folder, input in
  folder.write(input, to: "results.csv")
  let path = "\(folder.path)/results.csv"
  if let rows = try? ResultsTable(path: path).rows {
    let lines = [\ResultsRow.train?.box, \.train?.classification].map { value in
      LineChart.Panel(
        title: "loss",
        lines: [
          rows.compactMap { row in
            row[keyPath: value].map { .init(x: Double(row.epoch), y: $0) }
          }
        ])
    }
    _ = LineChart(series: ["run"], axis: "epoch", panels: lines).svg
    for row in rows {
      _ = (fixed(row.train?.box ?? 0, 4), brief(row.seconds), duration(seconds: row.seconds))
    }
  }
  for epoch in [nil, 0, 1, Int.max] { _ = try? ResultsFile(path: path, resumingAfter: epoch) }
}

let metrics = FuzzedReader {
  [
    text("{\"step\":1,\"kind\":\"epoch\",\"box_loss\":1.5}\n{\"step\":2,\"kind\":\"epoch\"}\n"),
    text("{\"step\":18446744073709551616}\n{\"step\":\u{661}}\n"),
  ]
} read: { folder, input in
  for step in [nil, 0, 1, Int.max] {
    folder.write(input, to: "metrics.jsonl")
    _ = try? MetricsFile(path: "\(folder.path)/metrics.jsonl", resumingAfter: step)
  }
}

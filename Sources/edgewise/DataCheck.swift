import ArgumentParser
import Checkpoints
import Datasets
import Parallel

struct DataCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Reads every label and decodes every picture; lists what is bad.",
    discussion: """
      Examples:
        edgewise data check recipes/penn-fudan.yaml --set data.root=data/penn-fudan
        edgewise data check --format yolo --root data/lot --json

      Exit code 65 if a picture or label cannot be used. A box that was clipped or dropped is listed as \
      mended and does no harm.
      """)

  @OptionGroup var source: DataArguments

  @Flag(help: "Print one JSON document.")
  var json = false

  func run() throws {
    try endingAlone {
      let results = try source.splits().map { split, data in (split, try data.check(split)) }
      try printStatistics(results, json: json)
      if results.contains(where: { $0.1.skippedCount > 0 }) { throw ExitCode(65) }
    }
  }
}

struct DataStats: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Counts pictures, classes and box sizes; reads labels and picture headers only.",
    discussion: """
      Examples:
        edgewise data stats recipes/acpds.yaml --set data.root=data/acpds
        edgewise data stats --format coco --root data/coco --validation instances_val.json --json
      """)

  @OptionGroup var source: DataArguments

  @Flag(help: "Print one JSON document.")
  var json = false

  func run() throws {
    try endingAlone {
      let results = try source.splits().map { split, data in
        (split, DatasetStatistics(try data.read(split, skipBad: true, decodingAll: false)))
      }
      try printStatistics(results, json: json)
    }
  }
}

private func printStatistics(
  _ results: [(DataSource.Split, DatasetStatistics)], json: Bool
) throws {
  if json {
    var values: [String: JSONValue] = [:]
    for (split, statistics) in results {
      values[split.rawValue] = try JSONValue(encoding: statistics)
    }
    printJSON(.object(values))
  } else {
    print(
      results.map { "\($0.0.rawValue)\n\($0.1.text())" }.joined(separator: "\n\n"))
  }
}

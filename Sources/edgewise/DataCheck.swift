import ArgumentParser
import Checkpoints
import Datasets
import Parallel

struct DataCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Reads every label and decodes every image; lists what is bad.",
    discussion: """
      Examples:
        edgewise data check recipes/penn-fudan.yaml --set data.root=data/penn-fudan
        edgewise data check --format yolo --root data/lot --json
        edgewise data check data/lot

      Exit code 65 if an image or label cannot be used, or if `train` would refuse the data. A box that \
      was clipped or dropped is listed as mended and does no harm.
      """)

  @OptionGroup var source: DataArguments

  @Flag(help: "Print one JSON document.")
  var json = false

  func run() throws {
    try endingAlone {
      let sources = try source.splits()
      var read: [DataSource.Split: Dataset] = [:]
      var refusals: [String] = []
      for (split, data) in sources {
        do throws(DataError) {
          read[split] = try data.readAll(split)
        } catch {
          // What is wrong with both splits, such as their data.yaml, is said once.
          if !refusals.contains(error.description) { refusals.append(error.description) }
        }
      }
      refusals += Dataset.refusals(
        training: read[.train], validation: read[.validation], source: sources[0].1
      ).map(\.description)
      let results = sources.compactMap { split, _ in
        read[split].map { (split, DatasetStatistics($0)) }
      }
      try printStatistics(results, refusals: refusals, json: json)
      if !refusals.isEmpty || results.contains(where: { $0.1.skippedCount > 0 }) {
        throw ExitCode(65)
      }
    }
  }
}

struct DataStats: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Counts images, classes and box sizes; reads labels and image headers only.",
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
      try printStatistics(results, refusals: nil, json: json)
    }
  }
}

private func printStatistics(
  _ results: [(DataSource.Split, DatasetStatistics)], refusals: [String]?, json: Bool
) throws {
  if json {
    var values: [String: JSONValue] = [:]
    for (split, statistics) in results {
      values[split.rawValue] = try JSONValue(encoding: statistics)
    }
    if let refusals { values["refused"] = .array(refusals.map { .string($0) }) }
    printJSON(.object(values))
  } else {
    if !results.isEmpty {
      print(results.map { "\($0.0.rawValue)\n\($0.1.text())" }.joined(separator: "\n\n"))
    }
    for refusal in refusals ?? [] { complain(refusal) }
  }
}

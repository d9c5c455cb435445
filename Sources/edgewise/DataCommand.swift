import ArgumentParser

/// `edgewise data …`: looks at data sets and draws some.
struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Checks, counts and draws data sets.",
    discussion: """
      Examples:
        edgewise data synthesize parking-lot --images 400 --seed 1 --output data/lot
        edgewise data check recipes/penn-fudan.yaml --set data.root=data/penn-fudan
        edgewise data stats --format yolo --root data/lot --json
      """,
    subcommands: [DataCheck.self, DataStats.self, DataSynthesize.self])
}

import ArgumentParser

/// `edgewise checkpoint …`: reads folders of checkpoints; starts no MPI and builds no network.
struct CheckpointCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint",
    abstract: "Lists, shows, verifies, compares, extracts and prunes checkpoints.",
    discussion: """
      Examples:
        edgewise checkpoint list runs/demo
        edgewise checkpoint show runs/demo/checkpoints/step-00001200 --statistics --only 'model.0.*'
        edgewise checkpoint verify runs/demo/checkpoints/*
        edgewise checkpoint diff runs/a runs/b --json
        edgewise checkpoint extract runs/demo --to safetensors --output weights.safetensors
        edgewise checkpoint prune runs/demo --keep-last 2
      """,
    subcommands: [
      CheckpointList.self, CheckpointShow.self, CheckpointVerify.self, CheckpointDiff.self,
      CheckpointExtract.self, CheckpointPrune.self,
    ])
}

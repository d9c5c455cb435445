import ArgumentParser

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures how fast this machine trains.",
    discussion: """
      Examples:
        edgewise bench step --model yolov8n --size 320 --batch 8 --mode qat --json
        mpirun -n 2 edgewise bench step --mode float --json
        edgewise bench ops --mode float
      """,
    subcommands: [BenchStep.self, BenchOps.self])
}

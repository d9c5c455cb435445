import ArgumentParser

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures how fast this machine trains, infers, loads, reduces and saves.",
    discussion: """
      Examples:
        edgewise bench step --model yolov8n --size 320 --batch 8 --mode qat --json
        mpirun -n 2 edgewise bench reduce
        edgewise bench scaling --ranks 1 --ranks 2

      `make bench` runs all of them and writes docs/performance.md.
      """,
    subcommands: [
      BenchStep.self, BenchOps.self, BenchInfer.self, BenchLoad.self, BenchReduce.self,
      BenchScaling.self, BenchCheckpoint.self, BenchReport.self, BenchCheck.self,
    ])
}

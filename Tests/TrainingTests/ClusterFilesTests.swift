import Foundation
import Testing
import Training

/// The batch files and documented commands against the recipes that they name: no more ranks than shards.
@Suite struct ClusterFilesTests {
  private static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  /// The recipes that a text names, each once.
  private static func recipes(in text: String) throws -> [(name: String, shards: Int)] {
    let names = Set(text.matches(of: /recipes\/[\w.-]+\.yaml/).map { String($0.output) })
    return try names.sorted().map { name in
      (name, try Recipe(contentsOf: root.appending(path: name).path).batch.shards)
    }
  }

  private static func number(_ pattern: Regex<(Substring, Substring)>, in text: String) -> Int? {
    text.firstMatch(of: pattern).flatMap { Int($0.output.1) }
  }

  @Test func `the batch files start no more ranks than their recipes have shards`() throws {
    for name in ["train.sbatch", "train-srun.sbatch"] {
      let text = try Self.text("cluster/slurm/\(name)")
      let nodes = try #require(Self.number(/#SBATCH --nodes=(\d+)/, in: text))
      let tasks = try #require(Self.number(/#SBATCH --ntasks-per-node=(\d+)/, in: text))
      try expectFit(ranks: nodes * tasks, text, name)
    }
    let pbs = try Self.text("cluster/pbs/train.pbs")
    let nodes = try #require(Self.number(/#PBS -l select=(\d+)/, in: pbs))
    let ranks = try #require(Self.number(/:mpiprocs=(\d+)/, in: pbs))
    try expectFit(ranks: nodes * ranks, pbs, "train.pbs")
    let hosts = try Self.text("cluster/hostfile.example")
    let slots = hosts.matches(of: /(?m)^\w+ slots=(\d+)$/).compactMap { Int($0.output.1) }
    #expect(!slots.isEmpty)
    try expectFit(ranks: slots.reduce(0, +), hosts, "hostfile.example")
    let job = try Self.text("cluster/kubernetes/train.yaml")
    let started = try #require(Self.number(/- -n\n +- "(\d+)"/, in: job))
    try expectFit(ranks: started, job, "train.yaml")
  }

  private func expectFit(ranks: Int, _ text: String, _ file: String) throws {
    let recipes = try Self.recipes(in: text)
    #expect(!recipes.isEmpty, "\(file) names no recipe")
    for recipe in recipes {
      #expect(
        ranks <= recipe.shards,
        "\(file) starts \(ranks) ranks, and \(recipe.name) has \(recipe.shards) shards")
    }
  }

  @Test func `documented commands start no more ranks than their recipes have shards`() throws {
    var files = ["README.md", "cluster/hostfile.example", "cluster/apptainer/edgewise.def"]
    for (folder, ending) in [
      ("docs", ".md"), ("cluster", ".md"), ("recipes", ".yaml"), ("Sources/edgewise", ".swift"),
      ("Sources/edgewise/Launch", ".swift"), ("scripts", ".sh"),
    ] {
      files += try FileManager.default.contentsOfDirectory(
        atPath: Self.root.appending(path: folder).path
      ).filter { $0.hasSuffix(ending) }.sorted().map { "\(folder)/\($0)" }
    }
    var count = 0
    for file in files {
      let text = try Self.text(file)
      for command in text.matches(of: /-n (\d+) [^\n]*train (recipes\/[\w.-]+\.yaml)/) {
        let ranks = try #require(Int(command.output.1))
        try expectFit(ranks: ranks, String(command.output.2), file)
        count += 1
      }
    }
    #expect(count >= 5)
  }
}

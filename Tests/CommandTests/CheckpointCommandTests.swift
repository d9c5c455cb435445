import Foundation
import Testing

@Suite(.enabled(if: Program.isBuilt, Comment(rawValue: Program.notBuilt)))
struct CheckpointCommandTests {
  @Test func `list gives the checkpoints newest first`() throws {
    let json = try Program.run("checkpoint", "list", TinyRun.folder(), "--json").json()
    let entries = try #require(json["checkpoints"] as? [[String: Any]])
    let steps = entries.compactMap { $0["step"] as? Int }
    #expect(steps == steps.sorted(by: >) && steps.first == 4)
    #expect(entries.allSatisfy { $0["problem"] == nil })
    let table = try Program.run("checkpoint", "list", TinyRun.folder(), "--verify")
    #expect(table.code == 0 && table.output.contains("verified"))
  }

  @Test func `show of a run describes its newest checkpoint`() throws {
    let json = try Program.run("checkpoint", "show", TinyRun.folder(), "--statistics", "--json")
      .json()
    #expect(json["step"] as? Int == 4)
    let tensors = try #require(json["tensors"] as? [[String: Any]])
    #expect(tensors.contains { $0["role"] as? String == "observer" })
    #expect(tensors.allSatisfy { $0["statistics"] != nil })
  }

  @Test func `a checkpoint is identical to itself and differs from another step`() throws {
    let checkpoints = try TinyRun.checkpoints()
    let last = try #require(checkpoints.last)
    let same = try Program.run("checkpoint", "diff", last, TinyRun.folder(), "--json")
    #expect(same.code == 0)
    #expect(try same.json()["identical"] as? Bool == true)
    let first = try #require(checkpoints.first)
    let other = try Program.run("checkpoint", "diff", first, last, "--json")
    #expect(other.code == 1 && other.errors.isEmpty)
    #expect(try other.json()["identical"] as? Bool == false)
  }

  @Test func `a flipped byte is found by verify, a cut file by whoever opens the checkpoint`()
    throws
  {
    let copy = try Program.temporaryFolder() + "/step-00000004"
    try FileManager.default.copyItem(atPath: try #require(TinyRun.checkpoints().last), toPath: copy)
    #expect(try Program.run("checkpoint", "verify", copy).code == 0)
    let shard = URL(fileURLWithPath: "\(copy)/shard-000.zst")
    var bytes = try Data(contentsOf: shard)
    bytes[bytes.count / 2] ^= 0x10
    try bytes.write(to: shard)
    let damaged = try Program.run("checkpoint", "verify", copy, "--json")
    #expect(damaged.code == 65)
    #expect(try damaged.json()["whole"] as? Bool == false)
    try bytes.dropLast().write(to: shard)
    let cut = try Program.run("evaluate", copy)
    #expect(cut.code == 65 && cut.sentences.count == 1 && cut.errors.contains("shard-000.zst"))
  }

  @Test func `show selects by pattern and role, and says so where nothing fits`() throws {
    let json = try Program.run(
      "checkpoint", "show", TinyRun.folder(), "--only", "model.0.*", "--role", "ema", "--histogram",
      "--json"
    ).json()
    let tensors = try #require(json["tensors"] as? [[String: Any]])
    #expect(!tensors.isEmpty)
    for tensor in tensors {
      #expect((tensor["name"] as? String)?.hasPrefix("model.0.") == true)
      #expect(tensor["role"] as? String == "ema")
      let counts = try #require((tensor["histogram"] as? [String: Any])?["counts"] as? [Int])
      #expect(counts.count == 32 && counts.reduce(0, +) > 0)
    }
    let none = try Program.run("checkpoint", "show", TinyRun.folder(), "--only", "nothing*")
    #expect(none.code == 65 && none.sentences.count == 1 && none.errors.contains("nothing*"))
  }

  @Test func `show --site gives every site its range, scale and zero point`() throws {
    let json = try Program.run("checkpoint", "show", TinyRun.folder(), "--site", "--json").json()
    let sites = try #require(json["sites"] as? [[String: Any]])
    #expect(sites.count > 20)
    for site in sites {
      let (low, high) = (site["low"] as? Double, site["high"] as? Double)
      #expect(try #require(low) <= #require(high))
      #expect(try #require(site["scale"] as? Double) > 0)
      #expect(site["zeroPoint"] is Int)
    }
    let table = try Program.run("checkpoint", "show", TinyRun.folder(), "--site")
    // Not a terminal: no controls, no cut lines.
    #expect(!table.output.contains("\u{1B}") && !table.output.contains("…"))
  }

  @Test func `extract writes the deployed weights, once`() throws {
    let file = try Program.temporaryFolder() + "/weights.safetensors"
    let arguments = [
      "checkpoint", "extract", try TinyRun.folder(), "--to", "safetensors", "--output", file,
      "--json",
    ]
    let json = try Program.run(arguments).json()
    let names = try #require(json["tensors"] as? [String])
    #expect(names.contains("model.0.conv.weight") && Set(names).count == names.count)
    let data = try Data(contentsOf: URL(fileURLWithPath: file))
    #expect(json["bytes"] as? Int == data.count)
    let length = (0..<8).reduce(0) { $0 | Int(data[$1]) << (8 * $1) }
    let header = try JSONSerialization.jsonObject(with: data[8..<8 + length]) as? [String: Any]
    #expect(header?.count == names.count + 1)
    let again = try Program.run(arguments)
    #expect(again.code == 64 && again.errors.contains("--force"))
    #expect(try Program.run(arguments + ["--force"]).code == 0)
  }

  @Test func `prune keeps what was asked for, and a run under way is left alone`() throws {
    let run = try Program.temporaryFolder() + "/run"
    try FileManager.default.copyItem(atPath: try TinyRun.folder(), toPath: run)
    let trial = try Program.run("checkpoint", "prune", run, "--dry-run", "--json").json()
    let removed = try #require((trial["pruning"] as? [String: Any])?["removed"] as? [Int])
    #expect(!removed.isEmpty && !removed.contains(4))
    let pruned = try Program.run("checkpoint", "prune", run)
    #expect(pruned.code == 0 && pruned.output.contains("removed \(removed.count)"))
    let left = try Program.run("checkpoint", "list", run, "--verify", "--json").json()
    let entries = try #require(left["checkpoints"] as? [[String: Any]])
    #expect(entries.contains { $0["step"] as? Int == 4 })
    // Another owner of the run: a process that holds the lock, as a training run does.
    let holder = Process()
    holder.executableURL = URL(fileURLWithPath: "/usr/bin/flock")
    holder.arguments = ["\(run)/.lock", "sleep", "20"]
    guard (try? holder.run()) != nil else { return }
    defer { holder.terminate() }
    Thread.sleep(forTimeInterval: 0.5)
    let busy = try Program.run("checkpoint", "prune", run)
    #expect(busy.code == 74 && busy.errors.contains("in use by"))
    let training = try Program.run(
      "train", try TinyRun.folder() + "/../tiny.yaml", "--run", run, "--resume", "auto")
    #expect(training.code == 74 && training.errors.contains("in use by"))
  }

  @Test func `a warm start takes weights by name and says what it took`() throws {
    let folder = try Program.temporaryFolder()
    // Another input size changes no weight; another activation changes the graph.
    try TinyRun.recipe.replacingOccurrences(
      of: "model: { inputSize: 64 }", with: "model: { inputSize: 96, activation: relu }"
    ).write(toFile: "\(folder)/other.yaml", atomically: true, encoding: .utf8)
    let outcome = try Program.run(
      "train", "\(folder)/other.yaml", "--run", "\(folder)/run", "--warm-start", TinyRun.folder(),
      "--verify-after-write")
    #expect(outcome.code == 0, "\(outcome.errors)")
    let shown = try Program.run("checkpoint", "show", TinyRun.folder(), "--role", "ema", "--json")
      .json()
    let count = try #require(shown["tensors"] as? [Any]).count
    #expect(outcome.output.contains("step 4: \(count) of \(count) tensors taken\n"))
    // The first checkpoint holds these weights.
    let diff = try Program.run(
      "checkpoint", "diff", "\(folder)/run/checkpoints/step-00000000", TinyRun.folder(), "--json"
    ).json()
    let tensors = try #require(diff["tensors"] as? [[String: Any]])
    #expect(!tensors.contains { $0["role"] as? String == "ema" })
  }

  @Test func `resuming another network names the keys that differ`() throws {
    let folder = try Program.temporaryFolder()
    try FileManager.default.copyItem(atPath: try TinyRun.folder(), toPath: "\(folder)/run")
    try TinyRun.recipe.replacingOccurrences(
      of: "model: { inputSize: 64 }", with: "model: { inputSize: 96 }"
    ).write(toFile: "\(folder)/other.yaml", atomically: true, encoding: .utf8)
    let outcome = try Program.run(
      "train", "\(folder)/other.yaml", "--run", "\(folder)/run", "--resume", "auto")
    #expect(outcome.code == 64 && outcome.sentences.count == 1)
    #expect(outcome.errors.contains("`model.inputSize` is 96 here and 64 there"))
  }
}

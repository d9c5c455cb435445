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
}

import Checkpoints
import Foundation
import Tensors
import Testing

/// Files whose checksums are right and that no run has written: one sentence and the exit code, by every
/// command that reads them.
@Suite(.enabled(if: Program.isBuilt, Comment(rawValue: Program.notBuilt)))
struct HostileFileTests {
  /// A run with one checkpoint, the tiny run's last, changed.
  private func run(_ change: (inout CheckpointContents) -> Void) throws -> String {
    let folder = try Program.temporaryFolder() + "/run"
    var contents = try CheckpointReader(path: try #require(TinyRun.checkpoints().last)).readAll()
    change(&contents)
    try CheckpointWriter(runFolder: folder).write(contents)
    return folder
  }

  private func checkpoint(_ run: String) throws -> String {
    let store = CheckpointStore(runFolder: run)
    return try #require(try store.list().first).path
  }

  /// Puts other text for a part of a manifest; its checksum is right again.
  private func edit(_ checkpoint: String, _ old: String, _ new: String) throws {
    let file = URL(fileURLWithPath: "\(checkpoint)/manifest.json")
    let text = String(decoding: try Data(contentsOf: file)[36...], as: UTF8.self)
    let changed = text.replacing(old, with: new, maxReplacements: 1)
    #expect(changed != text, "\(old)")
    try Data(ManifestFile.bytes(ofText: Array(changed.utf8))).write(to: file)
  }

  private func put(_ value: Float, into name: String, _ contents: inout CheckpointContents) {
    for index in contents.tensors.indices where contents.tensors[index].name == name {
      contents.tensors[index].tensor.withMutableElements(as: Float.self) {
        $0[$0.count - 1] = value
      }
    }
  }

  @Test(arguments: [Float.nan, .infinity, 3e38])
  func `weights that are no numbers are refused by whoever computes with them`(_ value: Float)
    throws
  {
    let run = try run { put(value, into: "model.0.conv.weight", &$0) }
    let output = try Program.temporaryFolder()
    let picture = try #require(
      FileManager.default.enumerator(atPath: TinyRun.folder() + "/data/images")?
        .compactMap { $0 as? String }.first { $0.hasSuffix(".jpg") })
    for command in [
      ["evaluate", run, "--set", "data.root=\(try TinyRun.folder())/data"],
      ["predict", run, "\(try TinyRun.folder())/data/images/\(picture)", "--output", output],
      ["parity", run, "--set", "data.root=\(try TinyRun.folder())/data"],
      ["export", run, "--output", "\(output)/model.onnx"],
    ] {
      let outcome = try Program.run(command)
      #expect(outcome.code == 65 && outcome.sentences.count == 1, "\(command): \(outcome)")
      #expect(outcome.errors.contains("model.0.conv.weight "), "\(outcome.errors)")
      #expect(outcome.errors.contains(" in 1 of 432 numbers"), "\(outcome.errors)")
    }
  }

  @Test func `a manifest whose counters no run reaches is refused by verify, and passed over`()
    throws
  {
    let folder = try Program.temporaryFolder()
    try FileManager.default.copyItem(atPath: try TinyRun.folder(), toPath: "\(folder)/run")
    try TinyRun.recipe.write(
      toFile: "\(folder)/tiny.yaml", atomically: true, encoding: .utf8)
    let newest = try checkpoint("\(folder)/run")
    for (old, new) in [
      ("\"epoch\": 2", "\"epoch\": 9223372036854775807"), ("\"epoch\": 2", "\"epoch\": 3"),
      ("\"position\": 0", "\"position\": 4"), ("\"optimizer_steps\": 2", "\"optimizer_steps\": 99"),
      ("\"optimizer_steps\": 2", "\"optimizer_steps\": -1"),
      ("\"ema_updates\": 2", "\"ema_updates\": 9223372036854775807"),
    ] {
      try edit(newest, old, new)
      let verified = try Program.run("checkpoint", "verify", newest)
      #expect(verified.code == 65, "\(new): \(verified)")
      let named = try Program.run(
        "train", "\(folder)/tiny.yaml", "--run", "\(folder)/run", "--resume", newest, "--quiet")
      #expect(named.code == 65 && named.sentences.count == 1, "\(new): \(named)")
      try edit(newest, new, old)
    }
    try edit(newest, "\"epoch\": 2", "\"epoch\": 3")
    let resumed = try Program.run(
      "train", "\(folder)/tiny.yaml", "--run", "\(folder)/run", "--resume", "auto")
    #expect(resumed.code == 0, "\(resumed)")
    #expect(resumed.output.contains("passed over \(newest)"), "\(resumed.output)")
    #expect(resumed.output.contains("its epoch is 3, but can be 0 to 2"), "\(resumed.output)")
  }

  @Test func `a position beyond the epoch is refused`() throws {
    let folder = try run { contents in
      (contents.step, contents.epoch, contents.position) = (9, 1, 7)
      contents.state = .object((contents.state.object ?? [:]).merging(["phase": "qat"]) { $1 })
    }
    try TinyRun.recipe.write(
      toFile: "\(folder)/tiny.yaml", atomically: true, encoding: .utf8)
    let outcome = try Program.run(
      "train", "\(folder)/tiny.yaml", "--run", folder, "--resume", "auto", "--quiet")
    #expect(outcome.code == 65 && outcome.sentences.count == 1, "\(outcome)")
    #expect(outcome.errors.contains("7 steps of its epoch 1 are done"), "\(outcome.errors)")
  }

  @Test func `statistics and resuming take no memory for tensors that nobody needs`() throws {
    // 64 tensors of 1 MiB that take a few hundred bytes each.
    let folder = try run { contents in
      for index in 0..<64 {
        contents.tensors.append(
          CheckpointTensor(
            name: "zeros \(index)", role: .other, tensor: Tensor(shape: [1 << 20], dtype: .int8)))
      }
    }
    let shown = try Program.run("checkpoint", "show", folder, "--statistics", "--json")
    #expect(shown.code == 0)
    #expect(try (shown.json()["tensors"] as? [Any])?.count ?? 0 > 64)
  }

  @Test func `a path that is no UTF-8 is refused before anything is made`() throws {
    let folder = try Program.temporaryFolder()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = [
      "-c",
      "cd '\(folder)' && '\(Program.path)' checkpoint list \"$(printf 'run-\\377')\" 2>errors; echo $? >code",
    ]
    try process.run()
    process.waitUntilExit()
    func text(_ name: String) throws -> String {
      try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
    }
    #expect(try text("code") == "64\n")
    #expect(try text("errors").contains("is not UTF-8"))
  }

  @Test func `outputs that name more than there is, or no numbers, are refused`() throws {
    let file = try Program.temporaryFolder() + "/outputs"
    for anchors in ["1152921504606846976", "9223372036854775807", "-1", "1048577", "1e300"] {
      try Data("{\"count\": 4, \"anchors\": \(anchors), \"classes\": 2}\n".utf8)
        .write(to: URL(fileURLWithPath: file))
      let refused = try Program.run("evaluate", TinyRun.folder(), "--onnx-outputs", file)
      #expect(refused.code == 65 && refused.sentences.count == 1, "\(anchors): \(refused)")
    }
    for value in [Float.nan, .infinity] {
      var bytes = Data(#"{"count": 4, "anchors": 1, "classes": 2}"#.utf8 + [0x0A])
      for _ in 0..<4 {
        for number in [value, 0, 1, 1, 0.9, 0.1] {
          withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
        }
      }
      try bytes.write(to: URL(fileURLWithPath: file))
      let refused = try Program.run("evaluate", TinyRun.folder(), "--onnx-outputs", file)
      #expect(refused.code == 65 && refused.errors.contains("no detection"), "\(refused)")
    }
    unlink(file)
    try #require(mkfifo(file, 0o600) == 0)
    let pipe = try Program.run("evaluate", TinyRun.folder(), "--onnx-outputs", file)
    #expect(pipe.code == 65 && pipe.sentences.count == 1, "\(pipe)")
  }

  @Test func `results of extremes are drawn, and a pipe in their place is refused`() throws {
    let folder = try Program.temporaryFolder()
    let header =
      "epoch,time,train/box_loss,train/cls_loss,train/dfl_loss,metrics/precision(B),"
      + "metrics/recall(B),metrics/mAP50(B),metrics/mAP50-95(B),val/box_loss,val/cls_loss,"
      + "val/dfl_loss,lr/pg0,lr/pg1,lr/pg2"
    try
      "\(header)\n1,1e308,-1e308,1e308,5e-324,1,1,1,1,,,,0,0,0\n2,-1e308,1e308,-1e308,0,0,0,0,0,,,,0,0,0\n"
      .write(toFile: "\(folder)/results.csv", atomically: true, encoding: .utf8)
    let drawn = try Program.run("report", folder, "--output", "\(folder)/curves.svg", "--json")
    #expect(drawn.code == 0, "\(drawn)")
    unlink("\(folder)/results.csv")
    try #require(mkfifo("\(folder)/results.csv", 0o600) == 0)
    let pipe = try Program.run("report", folder)
    #expect(pipe.code == 74 && pipe.sentences.count == 1, "\(pipe)")
  }

  @Test func `a lock that is a link and metrics that are a pipe end a run in one sentence`() throws
  {
    let folder = try Program.temporaryFolder()
    try TinyRun.recipe.write(
      toFile: "\(folder)/tiny.yaml", atomically: true, encoding: .utf8)
    try FileManager.default.createDirectory(
      atPath: "\(folder)/run", withIntermediateDirectories: true)
    try "precious".write(toFile: "\(folder)/precious", atomically: true, encoding: .utf8)
    try FileManager.default.createSymbolicLink(
      atPath: "\(folder)/run/.lock", withDestinationPath: "\(folder)/precious")
    let linked = try Program.run(
      "train", "\(folder)/tiny.yaml", "--run", "\(folder)/run", "--quiet")
    #expect(linked.code == 74 && linked.sentences.count == 1, "\(linked)")
    #expect(linked.errors.contains("it is a symbolic link"))
    #expect(try String(contentsOfFile: "\(folder)/precious", encoding: .utf8) == "precious")
    try FileManager.default.copyItem(atPath: try TinyRun.folder(), toPath: "\(folder)/other")
    unlink("\(folder)/other/metrics.jsonl")
    try #require(mkfifo("\(folder)/other/metrics.jsonl", 0o600) == 0)
    let piped = try Program.run(
      "train", "\(folder)/tiny.yaml", "--run", "\(folder)/other", "--resume", "auto", "--quiet")
    #expect(piped.code == 74 && piped.sentences.count == 1, "\(piped)")
    #expect(piped.errors.contains("metrics.jsonl"))
  }
}

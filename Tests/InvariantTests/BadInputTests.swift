import Foundation
import Testing

/// Bad input ends in one sentence, once, with the right exit code, on all ranks, and nothing is
/// written over (invariant I7).
@Suite(.serialized, .enabled(if: Program.isBuilt, "build the program first: make build"))
struct BadInputTests {
  private func expectRefusal(
    _ outcome: Program.Outcome, exitCode: Int32, _ parts: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(outcome.exitCode == exitCode, "\(outcome.errors)", sourceLocation: sourceLocation)
    #expect(outcome.sentences.count == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
    for part in parts {
      #expect(outcome.errors.contains(part), "\(outcome.errors)", sourceLocation: sourceLocation)
    }
  }

  @Test func `an unknown key is refused with the nearest known one`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let outcome = try Program.run(
      small.arguments("run", ["--set", "optimizer.learningrte=1"]), ranks: 2)
    expectRefusal(outcome, exitCode: 64, "optimizer.learningrte", "optimizer.learningRate")
  }

  @Test func `a missing recipe and a missing data folder are named`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    expectRefusal(
      try Program.run(["train", "\(small.folder.path)/none.yaml"], ranks: 2), exitCode: 74,
      "none.yaml")
    expectRefusal(
      try Program.run(
        small.arguments(
          "run", ["--set", "data.format=yolo", "--set", "data.root=/no/such/folder"]),
        ranks: 2), exitCode: 65, "/no/such/folder")
  }

  @Test func `more ranks than shards are refused`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    expectRefusal(try Program.run(small.arguments("run"), ranks: 5), exitCode: 64, "5", "4")
  }

  @Test func `a run is neither overwritten nor resumed under another recipe`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let short = ["--set", "schedule.floatEpochs=1", "--set", "schedule.qatEpochs=0"]
    #expect(try Program.run(small.arguments("run", short)).exitCode == 0)
    let names = try small.checkpoints("run")
    let before = try names.map { try small.tensors("run", $0) }
    expectRefusal(
      try Program.run(small.arguments("run", short), ranks: 2), exitCode: 64, "--resume")
    expectRefusal(
      try Program.run(
        small.arguments(
          "run", short + ["--resume", "auto", "--set", "optimizer.learningRate=0.02"]), ranks: 2),
      exitCode: 64, "optimizer.learningRate")
    #expect(try small.checkpoints("run") == names)
    #expect(try names.map { try small.tensors("run", $0) } == before)
  }

  @Test func `a label of an unknown class names its file and line`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let short = ["--set", "schedule.floatEpochs=1", "--set", "schedule.qatEpochs=0"]
    #expect(try Program.run(small.arguments("run", short)).exitCode == 0)
    let labels = small.run("data").appending(path: "labels/train")
    let name = try #require(
      try FileManager.default.contentsOfDirectory(atPath: labels.path).sorted().first)
    try Data("9 0.5 0.5 0.2 0.2\n".utf8).write(to: labels.appending(path: name))
    expectRefusal(
      try Program.run(
        small.arguments(
          "other", short + ["--set", "data.format=yolo"]), ranks: 2), exitCode: 65,
      "\(name):1")
  }

  @Test func `a picture cut short in mid-run stops all ranks with its name`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let short = ["--set", "schedule.floatEpochs=1", "--set", "schedule.qatEpochs=0"]
    #expect(try Program.run(small.arguments("run", short)).exitCode == 0)
    let pictures = small.run("data").appending(path: "images/train")
    let name = try #require(
      try FileManager.default.contentsOfDirectory(atPath: pictures.path).sorted().first)
    let file = pictures.appending(path: name)
    let bytes = try Data(contentsOf: file)
    try bytes.prefix(bytes.count / 2).write(to: file)
    expectRefusal(
      try Program.run(small.arguments("other", short + ["--set", "data.format=yolo"]), ranks: 3),
      exitCode: 65, name)
  }

  @Test func `a disk too small for a checkpoint is found out before the first step`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let disk = small.run("disk")
    try FileManager.default.createDirectory(at: disk, withIntermediateDirectories: true)
    let mount = Process()
    mount.executableURL = URL(filePath: "/bin/mount")
    mount.arguments = ["-t", "tmpfs", "-o", "size=4M", "none", disk.path]
    mount.standardError = FileHandle.nullDevice
    try mount.run()
    mount.waitUntilExit()
    try #require(mount.terminationStatus == 0 || getuid() != 0)
    guard mount.terminationStatus == 0 else { return }  // Only root may mount.
    defer {
      let unmount = Process()
      unmount.executableURL = URL(filePath: "/bin/umount")
      unmount.arguments = [disk.path]
      try? unmount.run()
      unmount.waitUntilExit()
    }
    let outcome = try Program.run(small.arguments("disk/run"), ranks: 2)
    expectRefusal(outcome, exitCode: 74, "disk space", "free")
    #expect(!outcome.output.contains("epoch 1"))
  }

  @Test func `a run that diverges stops with a sentence`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let outcome = try Program.run(
      small.arguments(
        "run",
        [
          "--set", "optimizer.learningRate=100", "--set", "optimizer.gradientClip=0", "--set",
          "optimizer.warmupEpochs=0", "--set", "schedule.floatEpochs=20", "--set",
          "limits.maximumSkippedSteps=2",
        ]), ranks: 2)
    expectRefusal(outcome, exitCode: 1, "not finite", "3 steps in a row")
  }
}

import Foundation
import Testing

/// Ranks that freeze or are killed in the midst of a real run.
@Suite(.serialized, .enabled(if: Program.isBuilt, "build the program first: make build"))
struct LostRankTests {
  private let long = ["--set", "schedule.floatEpochs=1000", "--set", "evaluation.everyEpochs=0"]

  /// How promptly it is named on a machine with nothing else to do is measured by `scripts/soak`.
  @Test func `a frozen rank is named once, exit code 71`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let running = try Program.Running(
      small.arguments("run", long + ["--set", "limits.hangSeconds=6"]), ranks: 3,
      timeoutSeconds: 120)
    #expect(running.waitFor("epoch    1/"))
    let victim = try #require(running.processID(ofRank: 1, inRun: small.run("run")))
    kill(victim, SIGSTOP)
    let begin = Date()
    while running.process.isRunning, !running.text("errors").contains("\n") { usleep(10_000) }
    let seconds = Date().timeIntervalSince(begin)
    let outcome = running.wait()
    #expect(outcome.exitCode == 71, "\(outcome.errors)")
    #expect(outcome.sentences.count == 1, "\(outcome.errors)")
    #expect(outcome.errors.contains("rank 1 (") && outcome.errors.contains("no sign of life"))
    #expect(outcome.errors.contains("rank 2 ("), "what each rank was doing")
    #expect(seconds < 60, "\(seconds) s")
  }

  @Test(arguments: [0, 1])
  func `a stop that cannot end in time ends without a new checkpoint, exit code 75`(frozen: Int)
    throws
  {
    let small = try SmallRun()
    defer { small.remove() }
    let running = try Program.Running(
      small.arguments(
        "run", long + ["--set", "limits.hangSeconds=30", "--set", "limits.stopSeconds=1"]),
      ranks: 3, timeoutSeconds: 60)
    #expect(running.waitFor("epoch    1/"))
    let victim = try #require(running.processID(ofRank: frozen, inRun: small.run("run")))
    kill(victim, SIGSTOP)
    running.send(SIGUSR1)
    let outcome = running.wait()
    #expect(outcome.exitCode == 75, "\(outcome.errors)")
    #expect(outcome.sentences.count == 1, "\(outcome.errors)")
    #expect(outcome.errors.contains("limits.stopSeconds"), "\(outcome.errors)")
  }

  /// `mpirun` passes neither on; it ends the ranks three seconds later, which is time for a small run.
  @Test(arguments: [SIGINT, SIGTERM])
  func `an interrupt of a bare mpirun lets the ranks save`(signal: Int32) throws {
    let small = try SmallRun()
    defer { small.remove() }
    let running = try Program.Running(
      small.arguments("run", long + ["--set", "checkpoint.everyEpochs=1000"]), ranks: 2,
      timeoutSeconds: 120)
    #expect(running.waitFor("epoch    2/"))
    let before = try small.checkpoints("run")
    running.send(signal)
    let outcome = running.wait()
    #expect(outcome.output.contains("stopped after step"), "\(outcome.output)")
    let after = try small.checkpoints("run")
    #expect(after.count == before.count + 1)
    let verified = try Program.run(["checkpoint", "verify", small.run("run").path])
    #expect(verified.exitCode == 0, "\(verified.output)")
  }

  @Test func `a rank that somebody else lets go on trains on`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let running = try Program.Running(
      small.arguments("run", ["--set", "evaluation.everyEpochs=0"]), ranks: 2, timeoutSeconds: 120)
    #expect(running.waitFor("epoch 1/"))
    let rank = try #require(running.processID(ofRank: 1, inRun: small.run("run")))
    kill(rank, SIGSTOP)
    kill(rank, SIGCONT)
    let outcome = running.wait()
    #expect(outcome.exitCode == 0 && outcome.output.contains("finished"), "\(outcome.output)")
  }

  @Test func `launch goes on after a killed rank, with the same bits, and names it`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let settings = ["--set", "batch.shards=2", "--set", "evaluation.everyEpochs=0"]
    let quiet = try Program.run(small.arguments("quiet", settings))
    #expect(quiet.exitCode == 0, "\(quiet.errors)")
    let running = try Program.Running(
      ["launch", "-n", "2", "--restarts", "1", "--oversubscribe", "--"]
        + small.arguments("run", settings), ranks: nil, timeoutSeconds: 120)
    #expect(running.waitFor("epoch 1/4"))
    let victim = try #require(running.processID(ofRank: 1, inRun: small.run("run")))
    kill(victim, SIGKILL)
    let outcome = running.wait()
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    #expect(outcome.sentences.count == 1, "\(outcome.errors)")
    #expect(outcome.errors.contains("rank 1 on ") && outcome.errors.contains("signal 9"))
    let last = try #require(try small.checkpoints("quiet").last)
    #expect(try small.checkpoints("run").last == last)
    #expect(try small.tensors("run", last) == small.tensors("quiet", last))
  }

  @Test func `launch does not try again what failed by itself, and passes its exit code on`() throws
  {
    let small = try SmallRun()
    defer { small.remove() }
    let launch = ["launch", "-n", "2", "--oversubscribe", "--"]
    let cases: [(arguments: [String], code: Int32, part: String)] = [
      (launch + small.arguments("run", ["--set", "optimizer.lr=1"]), 64, "optimizer.lr"),
      (
        launch + small.arguments("run", ["--set", "data.format=yolo", "--set", "data.root=/none"]),
        65, "/none"
      ),
      (["launch", "-n", "2", "--", "evaluate", "x"], 64, "evaluate"),
      (["launch", "-n", "two", "--", "train", "x"], 64, "two"),
      (["launch", "-n", "2", "train", "x"], 64, " -- "),
      (["launch", "-hostfile", "/no/hosts", "--", "train", "x"], 74, "/no/hosts"),
    ]
    for (arguments, code, part) in cases {
      let outcome = try Program.run(arguments, timeoutSeconds: 60)
      #expect(outcome.exitCode == code, "\(arguments): \(outcome.errors)")
      #expect(outcome.sentences.count == 1 && outcome.errors.contains(part), "\(outcome.errors)")
    }
  }
}

import Foundation
import Testing

/// Scores belong to the weights that were evaluated; the best scored ones stay on disk; a finished run says
/// float, calibrated and trained side by side. On the program itself.
@Suite(.serialized, .enabled(if: Program.isBuilt, "build the program first: make build"))
struct ScoreTests {
  /// A run that learns something to score: a few drawn scenes, seen often, then QAT at a rate that spoils it.
  /// Neither interval of checkpoints meets that of evaluations.
  private struct Scored {
    let folder: URL
    var run: URL { folder.appending(path: "run") }

    static let recipe = """
      name: scored
      seed: 3
      model: { inputSize: 64 }
      data: { synthetic: { scene: pedestrians, images: 16, validationImages: 6, seed: 2 } }
      batch: { size: 8, shards: 2 }
      augmentation: { mosaic: 0, hsvHue: 0, hsvSaturation: 0, hsvValue: 0, flip: 0.5, scale: 0, translate: 0 }
      optimizer: { kind: adamw, learningRate: 0.002, warmupEpochs: 1, warmupMinimumSteps: 10, gradientClip: 0 }
      ema: { decay: 0.9, tau: 10 }
      schedule: { floatEpochs: 80, qatEpochs: 4, calibrationImages: 8, qatLearningRate: 1 }
      checkpoint: { everyEpochs: 7, everySteps: 3, keepLast: 4 }
      evaluation: { everyEpochs: 10 }
      limits: { maximumSkippedSteps: 1000 }
      """

    init() throws {
      folder = FileManager.default.temporaryDirectory
        .appending(path: "edgewise-scores-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try Data(Self.recipe.utf8).write(to: folder.appending(path: "recipe.yaml"))
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }

    func train(_ more: String..., ranks: Int? = nil) throws -> Program.Outcome {
      try Program.run(
        ["train", folder.appending(path: "recipe.yaml").path, "--run", run.path] + more,
        ranks: ranks)
    }
  }

  private func manifest(_ checkpoint: URL) throws -> [String: Any] {
    let data = try Data(contentsOf: checkpoint.appending(path: "manifest.json"))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  private func json(_ arguments: [String]) throws -> [String: Any] {
    let outcome = try Program.run(arguments)
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    return try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
  }

  private func checkpoints(_ run: URL) throws -> [URL] {
    let folder = run.appending(path: "checkpoints")
    return try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasPrefix("step-") }.sorted().map { folder.appending(path: $0) }
  }

  private func scores(_ manifest: [String: Any]) throws -> [String: Any] {
    try #require((manifest["state"] as? [String: Any])?["scores"] as? [String: Any])
  }

  private func score(_ scores: [String: Any], _ phase: String, _ which: String) throws -> (
    step: Int, map: Double
  ) {
    let entry = try #require((scores[phase] as? [String: Any])?[which] as? [String: Any])
    return (try #require(entry["step"] as? Int), try #require(entry["mAP50-95"] as? Double))
  }

  @Test func `every checkpoint's score is that of its own weights, and the best is on disk`() throws
  {
    let scored = try Scored()
    defer { scored.remove() }
    let outcome = try scored.train(ranks: 2)
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    let all = try checkpoints(scored.run)
    var withScore: [Int: Double] = [:]
    for checkpoint in all + [
      try #require(try checkpoints(scored.run.appending(path: "calibrated")).first)
    ] {
      let manifest = try manifest(checkpoint)
      let step = try #require(manifest["step"] as? Int)
      let metrics = try #require(manifest["metrics"] as? [String: Any])
      // Two steps an epoch: those that no evaluation followed have no scores at all.
      guard let map = metrics["mAP50-95"] as? Double else {
        #expect(metrics.isEmpty && step % 20 != 0, "\(checkpoint.path)")
        continue
      }
      let evaluated = try json(["evaluate", checkpoint.path, "--json"])
      #expect(evaluated["mAP50-95"] as? Double == map, "\(checkpoint.path)")
      #expect(evaluated["mAP50"] as? Double == metrics["mAP50"] as? Double)
      if checkpoint.path.contains("run/checkpoints") { withScore[step] = map }
    }
    #expect(withScore.count < all.count)

    // What the last checkpoint says of the run.
    let last = try scores(try manifest(try #require(all.last)))
    let float = try score(last, "float", "best")
    let trained = try score(last, "qat", "best")
    #expect(withScore[float.step] == float.map)
    #expect(withScore[trained.step] == trained.map)
    let calibrated = try #require(last["calibrated"] as? [String: Any])
    #expect(calibrated["step"] as? Int == 160)
    let ptq = try #require(calibrated["mAP50-95"] as? Double)
    #expect(ptq > 0 && trained.map < ptq)

    // The last lines, and what to try.
    let lines = outcome.output.split(separator: "\n").map(String.init)
    for title in [
      "float, last", "float, best", "int8 without training (PTQ)",
      "int8 after training (QAT), last", "int8 after training (QAT), best",
    ] {
      #expect(lines.contains { $0.hasPrefix(title) }, "\(title)")
    }
    let advice = try #require(lines.first { $0.hasPrefix("QAT ended below calibration alone") })
    #expect(advice.contains("schedule.qatLearningRate") && advice.contains("run/calibrated"))
    let metrics = try String(
      contentsOf: scored.run.appending(path: "metrics.jsonl"), encoding: .utf8)
    #expect(metrics.contains("\"kind\":\"scores\",\"float_last_step\":160"))

    // `@best` is the best quantized one, here the calibrated; `list` says the same.
    let best = try json(["evaluate", "\(scored.run.path)@best", "--json"])
    #expect(best["mAP50-95"] as? Double == ptq && best["step"] as? Int == 160)
    #expect(best["as"] as? String == "int8")
    let list = try json(["checkpoint", "list", scored.run.path, "--json"])
    let entry = try #require(list["best"] as? [String: Any])
    #expect(entry["step"] as? Int == 160)
    #expect((entry["path"] as? String)?.contains("calibrated") == true)
    let table = try Program.run(["checkpoint", "list", scored.run.path]).output
    #expect(table.contains("best of float") && table.contains("best of qat"))
  }

  @Test func `the best is saved when it is found, whatever the intervals are`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let outcome = try Program.run(
      small.arguments(
        "run", ["--set", "checkpoint.everyEpochs=1000", "--set", "evaluation.everyEpochs=1"]))
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    // Four steps an epoch, two epochs a phase: the first of a phase is the best until then.
    let names = try small.checkpoints("run")
    #expect(names.contains("step-00000004") && names.contains("step-00000012"))
  }

  @Test func `a run that starts with QAT scores the float weights it starts from`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    #expect(try Program.run(small.arguments("first")).exitCode == 0)
    let outcome = try Program.run(
      small.arguments(
        "second",
        ["--warm-start", small.run("first").path, "--set", "schedule.floatEpochs=0"]))
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    let first = small.run("second").appending(path: "checkpoints/step-00000000")
    #expect(try score(try scores(try manifest(first)), "float", "best").step == 0)
    #expect((try manifest(first)["metrics"] as? [String: Any])?["mAP50-95"] is Double)
  }

  @Test func `resuming keeps the scores of the run`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    #expect(try Program.run(small.arguments("whole")).exitCode == 0)
    #expect(try Program.run(small.arguments("run")).exitCode == 0)
    for name in try small.checkpoints("run").suffix(2) {
      try FileManager.default.removeItem(
        at: small.run("run").appending(path: "checkpoints/\(name)"))
    }
    let resumed = try Program.run(small.arguments("run", ["--resume", "auto"]))
    #expect(resumed.exitCode == 0, "\(resumed.errors)")
    let ends = try ["whole", "run"].map { name in
      let last = try #require(try small.checkpoints(name).last)
      return try manifest(small.run(name).appending(path: "checkpoints/\(last)"))
    }
    let states = ends.map { NSDictionary(dictionary: $0["state"] as? [String: Any] ?? [:]) }
    #expect(states[0] == states[1] && states[0].count > 5)
  }

  @Test func `a validation set without boxes gives empty scores, and says so once`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let short = ["--set", "schedule.floatEpochs=1", "--set", "schedule.qatEpochs=0"]
    #expect(try Program.run(small.arguments("drawn", short)).exitCode == 0)
    let labels = small.folder.appending(path: "data/labels/val")
    for name in try FileManager.default.contentsOfDirectory(atPath: labels.path) {
      try Data().write(to: labels.appending(path: name))
    }
    let run = small.run("run")
    let outcome = try Program.run(
      small.arguments("run", ["--set", "data.format=yolo", "--set", "evaluation.everyEpochs=1"]),
      ranks: 2)
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    let notes = outcome.output.components(separatedBy: "the validation images hold no boxes")
    #expect(notes.count == 2)
    let rows = try String(contentsOf: run.appending(path: "results.csv"), encoding: .utf8)
      .split(separator: "\n").dropFirst()
    #expect(rows.count == 4)
    for row in rows {
      let cells = row.split(separator: ",", omittingEmptySubsequences: false)
      #expect(cells.count == 15 && cells[5...11].allSatisfy(\.isEmpty), "\(row)")
      #expect(!cells[2].isEmpty)
    }
    let metrics = try String(contentsOf: run.appending(path: "metrics.jsonl"), encoding: .utf8)
    #expect(metrics.contains("\"mAP50-95\":null") && !metrics.contains(":-1"))
    for checkpoint in try checkpoints(run) {
      #expect((try manifest(checkpoint)["metrics"] as? [String: Any])?.isEmpty == true)
    }
    #expect(try Program.run(["report", run.path, "--json"]).exitCode == 0)
    let evaluated = try Program.run(["evaluate", run.path, "--json"])
    #expect(evaluated.exitCode == 0 && evaluated.errors.contains("hold no boxes"))
    #expect(evaluated.output.contains("\"mAP50-95\": null") && !evaluated.output.contains(": -1"))
    // Nothing scored, so nothing best.
    let best = try Program.run(["evaluate", "\(run.path)@best"])
    #expect(best.exitCode == 65 && best.sentences.count == 1, "\(best.errors)")
  }

  @Test func `an epoch whose steps were all skipped has empty losses`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    // After the first steps at this rate nothing is finite any more.
    let outcome = try Program.run(
      small.arguments(
        "run",
        [
          "--set", "optimizer.learningRate=100", "--set", "optimizer.gradientClip=0", "--set",
          "optimizer.warmupEpochs=0", "--set", "schedule.floatEpochs=20", "--set",
          "schedule.qatEpochs=0", "--set", "limits.maximumSkippedSteps=1000",
        ]))
    let rows = try String(
      contentsOf: small.run("run").appending(path: "results.csv"), encoding: .utf8
    ).split(separator: "\n").dropFirst().map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
    #expect(rows.count >= 2, "\(outcome.errors)")
    #expect(rows.last?[2...4].allSatisfy(\.isEmpty) == true, "\(rows)")
    #expect(!rows.contains { $0[2] == "0" }, "\(rows)")
    #expect(!rows.joined().contains { $0.contains("nan") || $0.contains("inf") })
    let report = try Program.run(["report", small.run("run").path])
    #expect(report.exitCode == 0, "\(report.errors)")
  }
}

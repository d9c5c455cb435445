import Foundation
import Testing

/// Each measurement on something tiny: the keys others rely on are there, with sane values.
@Suite(.enabled(if: Program.isBuilt, Comment(rawValue: Program.notBuilt)))
struct BenchCommandTests {
  private static let tiny = ["--size", "32", "--batch", "1", "--steps", "2", "--json"]

  /// The one document that `bench` prints.
  private func bench(_ arguments: String...) throws -> [String: Any] {
    let outcome = try Program.run(["bench"] + arguments)
    #expect(outcome.code == 0, "\(outcome.errors)")
    let json = try outcome.json()
    #expect(json["bench"] as? String == arguments[0])
    return json
  }

  private func number(_ json: [String: Any]?, _ key: String) throws -> Double {
    try #require(json?[key] as? Double, "\(key)")
  }

  @Test func `step gives speed, passes and peak memory`() throws {
    let outcome = try Program.run(["bench", "step"] + Self.tiny)
    let json = try outcome.json()
    for key in ["images_per_s", "median_s", "min_s", "forward_s", "backward_s"] {
      #expect(try number(json, key) > 0, "\(key)")
    }
    #expect(try number(json, "peak_MiB") > number(json, "plan_MiB"))
    #expect(json["world"] as? Int == 1 && json["mode"] as? String == "float")
  }

  @Test func `ops gives a floor below the step, and rates below the measured peak`() throws {
    let outcome = try Program.run(["bench", "ops"] + Self.tiny)
    let json = try outcome.json()
    let floor = try number(json, "floor_over_step")
    #expect(floor > 0 && floor < 1)
    // Five decimals of seconds that may be few milliseconds: 1 %.
    let quotient = try number(json, "floor_s") / number(json, "step_s")
    #expect(abs(quotient / floor - 1) < 0.01)
    #expect(try number(json["peak_GFLOPS"] as? [String: Any], "float32") > 1)
    let ops = try #require(json["ops"] as? [[String: Any]])
    let times = try ops.map { try number($0, "forward_s") + number($0, "backward_s") }
    // Each time is the sum of two that were rounded to six decimals.
    #expect(zip(times, times.dropFirst()).allSatisfy { $0 >= $1 - 3e-6 })
    #expect(times.count > 100)
    let rated = ops.filter { $0["GFLOPS"] is Double }
    #expect(rated.count == 63)
    for op in rated {
      // The peak is of a quiet moment; a convolution may have met a faster one: 1.3.
      #expect((0..<1.3).contains(try number(op, "share_of_peak")), "\(op)")
    }
  }

  @Test(arguments: ["float", "int8"])
  func `infer takes a run's model, or random weights`(mode: String) throws {
    let random = try bench("infer", "--size", "32", "--count", "3", "--mode", mode, "--json")
    #expect(random["trained"] as? Bool == false && random["size"] as? Int == 32)
    let trained = try bench(
      "infer", "--run", TinyRun.folder(), "--count", "3", "--mode", mode, "--json")
    #expect(trained["trained"] as? Bool == true && trained["size"] as? Int == 64)
    for json in [random, trained] {
      #expect(json["mode"] as? String == mode)
      #expect(try number(json, "min_ms") > 0)
      #expect(try number(json, "median_ms") >= number(json, "min_ms"))
      #expect(try number(json, "detect_ms") >= number(json, "min_ms"))
      #expect(try number(json, "peak_MiB") > 1)
    }
  }

  @Test func `load gives four ways of loading, with the parts of the stages`() throws {
    let recipe = try Program.temporaryFolder() + "/tiny.yaml"
    try TinyRun.recipe.write(toFile: recipe, atomically: true, encoding: .utf8)
    let json = try bench(
      "load", recipe, "--set", "data.root=\(TinyRun.folder())/data", "--set",
      "data.format=yolo", "--pictures", "4", "--threads", "2", "--json")
    #expect(json["pictures"] as? Int == 4)
    let ways = try #require(json["throughputs"] as? [[String: Any]])
    #expect(ways.count == 4)
    for way in ways {
      let rate = try number(way, "images_per_s")
      let perThread = try number(way, "images_per_s_per_thread")
      #expect(rate > 0 && abs(perThread - rate / 2) < 0.1)
      let parts = try #require(way["stages"] as? [String: Double])
      // Each is written with four decimals.
      #expect(Set(parts.keys) == ["decode", "fit", "draw", "color"])
      #expect(abs(parts.values.reduce(0, +) - 1) < 3e-4)
    }
  }

  @Test func `checkpoint gives what it promises and leaves the run as it was`() throws {
    let before = try TinyRun.checkpoints()
    let json = try bench("checkpoint", "--run", TinyRun.folder(), "--count", "2", "--json")
    #expect(try number(json, "ratio") > 1)
    for key in [
      "compress_MB_s", "restore_MB_s", "verify_MB_s", "blocked_ms", "memcpy_ms", "list_ms",
      "show_ms", "plain_zstd_ratio",
    ] {
      #expect(try number(json, key) > 0, "\(key)")
    }
    // A tiny run's roles are all under a megabyte.
    #expect(json["by_role"] is [String: Any])
    #expect(try TinyRun.checkpoints() == before)
  }

  @Test func `scaling measures ranks by itself and forecasts with its formula`() throws {
    let outcome = try Program.run(
      ["bench", "scaling", "--ranks", "2", "--alpha", "10"] + Self.tiny, forRanks: true)
    #expect(outcome.code == 0, "\(outcome.errors)")
    let json = try outcome.json()
    let measured = try #require(json["measured"] as? [[String: Any]])
    #expect(measured.compactMap { $0["ranks"] as? Int } == [1, 2])
    #expect(measured[0]["efficiency"] as? Double == 1)
    #expect(try number(measured[1], "images_per_s") > 0)
    let forecast = try #require(json["forecast"] as? [String: Any])
    let t = try number(forecast, "t_s")
    let n = try number(forecast, "bytes")
    let rows = try #require(forecast["rows"] as? [[String: Any]])
    #expect(rows.count == 30)
    let last = try #require(rows.last)
    #expect(last["ranks"] as? Int == 1024 && last["Gbit_s"] as? Int == 100)
    let communication = 2 * 1023 * 10e-6 + 2 * 1023 / 1024 * n / 12.5e9
    // Written with four decimals of milliseconds, and of the efficiency; t has five.
    #expect(abs(try number(last, "communication_ms") - 1000 * communication) < 1e-4)
    #expect(abs(try number(last, "efficiency_serial") - t / (t + communication)) < 2e-3)
    #expect(try number(last, "efficiency_overlapped") >= number(last, "efficiency_serial"))
  }

  @Test func `reduce needs ranks and then compares with MPI's own`() throws {
    let alone = try Program.run("bench", "reduce")
    #expect(alone.code == 64 && alone.sentences.count == 1)
    #expect(alone.errors.contains("mpirun -n 2"))
    let outcome = try Program.run(
      ["bench", "reduce", "--bytes", "4000", "--json"], forRanks: true, ranks: 2)
    #expect(outcome.code == 0, "\(outcome.errors)")
    let json = try outcome.json()
    #expect(json["world"] as? Int == 2)
    let sizes = try #require(json["sizes"] as? [[String: Any]])
    #expect(sizes.count == 1 && sizes[0]["bytes"] as? Int == 4000)
    let ordered = try number(sizes[0], "ordered_ms")
    let theirs = try number(sizes[0], "allreduce_ms")
    // Times have five decimals, so a ratio of microseconds is rough: 5 %.
    #expect(abs(try number(sizes[0], "ratio") / (ordered / theirs) - 1) < 0.05)
    #expect(try number(sizes[0], "ordered_MB_s") > 0)
  }

  @Test func `check ends with 1 and a sentence on a regression, and can store what is new`() throws
  {
    let folder = try Program.temporaryFolder()
    let (results, ratios) = ("\(folder)/results.jsonl", "\(folder)/ratios.json")
    try #"{"bench":"checkpoint","ratio":1.1,"blocked_ms":12,"memcpy_ms":10}"#.write(
      toFile: results, atomically: true, encoding: .utf8)
    let stored =
      #"{"format":"edgewise-bench-ratios","ratios":{"checkpoint_ratio":{"value":1.3,"better":"higher","tolerance":0.02}}}"#
    try stored.write(toFile: ratios, atomically: true, encoding: .utf8)
    let bad = try Program.run("bench", "check", results, "--against", ratios)
    #expect(bad.code == 1 && bad.output.contains("checkpoint_ratio has become worse: it is 1.1"))
    #expect(try Program.run("bench", "check", results, "--against", ratios, "--update").code == 0)
    let kept = try Program.run("bench", "check", results, "--against", ratios, "--json")
    #expect(kept.code == 0)
    #expect(try kept.json()["kept"] as? Bool == true)
    let absent = try Program.run("bench", "check", "\(folder)/none", "--against", ratios)
    #expect(absent.code == 74 && absent.sentences.count == 1)
  }

  @Test func `report writes a page from the lines of files`() throws {
    let folder = try Program.temporaryFolder()
    let results = "\(folder)/results.jsonl"
    try """
    {"bench":"step","model":"yolov8n","size":320,"batch":8,"mode":"qat","world":1,"images_per_s":30}
    {"peer":"torch 2","mode":"qat","size":320,"batch":8,"world":1,"images_per_s":15}
    """.write(toFile: results, atomically: true, encoding: .utf8)
    let page = "\(folder)/docs/performance.md"
    #expect(try Program.run("bench", "report", results, "--output", page).code == 0)
    let text = try String(contentsOfFile: page, encoding: .utf8)
    #expect(text.contains("30.00 images/s | 15.00 images/s | 2.00"))
    #expect(!text.contains(ProcessInfo.processInfo.hostName) && !text.contains(Program.root))
    try "no json".write(toFile: results, atomically: true, encoding: .utf8)
    let refused = try Program.run("bench", "report", results, "--output", page)
    #expect(refused.code == 65 && refused.errors.contains("results.jsonl:1"))
  }

  @Test(arguments: [
    ["infer", "--size", "33"], ["infer", "--mode", "half"],
    ["infer", "--run", "x", "--size", "64"],
    ["load", "x.yaml", "--pictures", "0"], ["reduce", "--bytes", "1"], ["scaling", "--ranks", "0"],
    ["scaling", "--alpha=-1"], ["checkpoint", "--run", "x", "--level", "99"], ["checkpoint"],
    ["step", "--mode", "fast"],
  ])
  func `arguments out of range are a usage error`(arguments: [String]) throws {
    let outcome = try Program.run(["bench"] + arguments)
    #expect(outcome.code == 64, "\(outcome.errors)")
  }
}

import Foundation
import Testing

/// Standard descriptors that are closed, full, or have nobody behind them.
@Suite(.enabled(if: Program.isBuilt, Comment(rawValue: Program.notBuilt)))
struct StandardStreamTests {
  /// Commands that end with 0 and print a result, on the tiny run.
  private static func results() throws -> [[String]] {
    let run = try TinyRun.folder()
    let checkpoint = try #require(try TinyRun.checkpoints().last)
    let output = try Program.temporaryFolder()
    return [
      ["evaluate", run, "--json"], ["evaluate", run],
      ["checkpoint", "show", run], ["checkpoint", "show", run, "--json"],
      ["checkpoint", "list", run], ["checkpoint", "verify", run],
      ["checkpoint", "diff", checkpoint, checkpoint],
      ["data", "check", "--format", "yolo", "--root", "\(run)/data"],
      ["data", "stats", "--format", "yolo", "--root", "\(run)/data", "--json"],
      ["report", run], ["doctor"], ["doctor", "--json"],
      ["predict", run, "\(run)/data/images/val", "--output", "\(output)/drawn", "--json"],
      ["--help"], ["--version"], ["train", "--help"],
    ]
  }

  @Test func `results that a full disk does not take end with 74 and a sentence`() throws {
    for command in try Self.results() {
      let good = try Program.shell(#""$@""#, command)
      #expect(good.code == 0 && !good.output.isEmpty, "\(command): \(good.errors)")
      let full = try Program.shell(#""$@" > /dev/full"#, command)
      #expect(full.code == 74, "\(command): \(full.errors)")
      let sentence = full.sentences.last ?? ""
      #expect(
        sentence.hasPrefix("edgewise: standard output") && sentence.contains("No space left"),
        "\(command): \(full.errors)")
    }
  }

  @Test func `a file was written although the words about it could not be`() throws {
    let run = try TinyRun.folder()
    let output = try Program.temporaryFolder()
    for (command, made) in [
      (["export", run, "--output", "\(output)/model.onnx", "--json"], "model.onnx"),
      (
        [
          "calibrate", try #require(try TinyRun.checkpoints().first), "--output",
          "\(output)/calibrated", "--set", "data.root=\(run)/data", "--json",
        ], "calibrated"
      ),
    ] {
      let full = try Program.shell(#""$@" > /dev/full"#, command)
      #expect(full.code == 74, "\(command): \(full.errors)")
      #expect(FileManager.default.fileExists(atPath: "\(output)/\(made)"))
    }
  }

  @Test func `what a command finds counts less than that nobody could read it`() throws {
    let checkpoints = try TinyRun.checkpoints()
    let differing = ["checkpoint", "diff", checkpoints[0], try #require(checkpoints.last)]
    #expect(try Program.shell(#""$@""#, differing).code == 1)
    #expect(try Program.shell(#""$@" > /dev/full"#, differing).code == 74)
  }

  @Test func `a reader that has read enough ends a command with 74, without a word`() throws {
    let command = ["checkpoint", "show", try TinyRun.folder()]
    let outcome = try Program.shell(
      #"{ sleep 0.2; "$@"; echo "code $?" >&2; } | true"#, command)
    #expect(outcome.errors == "code 74\n")
  }

  @Test func `a closed output is a result that is missing`() throws {
    let outcome = try Program.shell(
      #""$@" >&-"#, ["checkpoint", "list", try TinyRun.folder()])
    #expect(outcome.code == 74 && outcome.errors.contains("it is closed"), "\(outcome.errors)")
  }

  @Test(arguments: ["2> /dev/full", "2>&-", "2>&- >&- <&-"])
  func `an error that cannot be told keeps its exit code`(redirection: String) throws {
    let folder = try Program.temporaryFolder()
    try "optimizer: {learning_rat: 1}\n".write(
      toFile: "\(folder)/wrong.yaml", atomically: true, encoding: .utf8)
    for (command, code) in [
      (["train", "\(folder)/wrong.yaml"], 64), (["evaluate", "/nowhere"], 74),
      (["evaluate", folder], 65), (["train", "--no-such-option"], 64),
      (["launch", "--", "train", "/nowhere.yaml"], 74), (["report", "/nowhere"], 74),
      (["data", "check", "--format", "yolo", "--root", "/nowhere"], 65),
    ] as [([String], Int32)] {
      let outcome = try Program.shell(#""$@" "# + redirection, command)
      #expect(outcome.code == code, "\(command) \(redirection)")
    }
  }

  @Test func `an error that nobody reads keeps its exit code`() throws {
    let outcome = try Program.shell(
      #"{ { sleep 0.2; "$@"; echo "code $?" >&3; } 2>&1 | true; } 3>&1"#, ["evaluate", "/nowhere"])
    #expect(outcome.output == "code 74\n")
  }

  /// `<&-` and so on for a set of the descriptors 0, 1 and 2.
  @Test(arguments: 1...7)
  func `training with closed descriptors writes no word into a file of the run`(closed: Int) throws
  {
    let folder = try Program.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try TinyRun.recipe.write(
      toFile: "\(folder)/tiny.yaml", atomically: true, encoding: .utf8)
    let redirections = ["<&-", ">&-", "2>&-"].enumerated()
      .filter { closed & (1 << $0.offset) != 0 }.map(\.element).joined(separator: " ")
    let outcome = try Program.shell(
      #""$@" "# + redirections, ["train", "\(folder)/tiny.yaml", "--run", "\(folder)/run"])
    #expect(outcome.code == 0, "\(outcome.errors)")
    let verified = try Program.run("checkpoint", "verify", "\(folder)/run")
    #expect(verified.code == 0, "\(verified.output)")
    let files = try #require(FileManager.default.enumerator(atPath: "\(folder)/run"))
    for case let name as String in files {
      guard let bytes = FileManager.default.contents(atPath: "\(folder)/run/\(name)") else {
        continue
      }
      for words in ["images/s", "edgewise: ", "finished; checkpoints"] {
        #expect(bytes.range(of: Data(words.utf8)) == nil, "\(name) holds `\(words)`")
      }
    }
    let lock = try String(contentsOfFile: "\(folder)/run/.lock", encoding: .utf8)
    #expect(lock.hasPrefix("process ") && lock.split(separator: "\n").count == 1)
  }

  @Test(arguments: [[], ["launch", "-n", "2", "--"]])
  func `training goes on when nobody reads its progress`(launcher: [String]) throws {
    let folder = try Program.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try TinyRun.recipe.write(
      toFile: "\(folder)/tiny.yaml", atomically: true, encoding: .utf8)
    let outcome = try Program.shell(
      #"{ "$@"; echo "code $?" >&2; } | head -1"#,
      launcher + ["train", "\(folder)/tiny.yaml", "--run", "\(folder)/run"])
    #expect(outcome.output.split(separator: "\n").count == 1)
    #expect(outcome.errors == "code 0\n")
    let listed = try Program.run("checkpoint", "list", "\(folder)/run", "--verify", "--json").json()
    #expect((listed["checkpoints"] as? [Any])?.isEmpty == false)
    #expect(FileManager.default.fileExists(atPath: "\(folder)/run/calibrated"))
  }

  @Test func `programs started by it die of a broken pipe again`() throws {
    // 13 is SIGPIPE: its bit in what a child of `launch` ignores.
    let folder = try Program.temporaryFolder()
    let script = "#!/bin/sh\ngrep SigIgn /proc/self/status >&2\n"
    try script.write(toFile: "\(folder)/mpirun", atomically: true, encoding: .utf8)
    chmod("\(folder)/mpirun", 0o755)
    try TinyRun.recipe.write(toFile: "\(folder)/tiny.yaml", atomically: true, encoding: .utf8)
    let outcome = try Program.shell(
      #"PATH="\#(folder):$PATH" "$@""#, ["launch", "--", "train", "\(folder)/tiny.yaml"])
    let mask = try #require(
      outcome.errors.split(separator: "\n").first { $0.hasPrefix("SigIgn:") }?
        .split(separator: "\t").last.flatMap { UInt64($0, radix: 16) })
    #expect(mask & (1 << 12) == 0)
  }
}

import Foundation
import Testing

/// Names that steer a terminal or forge a line, through every way by which a name gets in.
@Suite(.enabled(if: Program.isBuilt, Comment(rawValue: Program.notBuilt)))
struct HostileTextTests {
  private static let name = "a\u{1B}[31m\u{07}\u{9B}\u{202E}\u{2028}\nedgewise: forged"

  /// What of the name must not get through, in what the program wrote.
  private func check(_ outcome: Program.Outcome, _ command: [String]) {
    for text in [outcome.output, outcome.errors] {
      let found = text.unicodeScalars.filter {
        ["\u{1B}", "\u{07}", "\u{9B}", "\u{202E}", "\u{2028}"].contains($0)
      }
      #expect(found.isEmpty, "\(command.first ?? ""): \(text.debugDescription)")
      let forged = text.split(separator: "\n").contains { $0.hasPrefix("edgewise: forged") }
      #expect(!forged, "\(command.first ?? ""): \(text.debugDescription)")
    }
  }

  @Test func `arguments of every command are shown printable`() throws {
    let commands = try Program.commands()
    #expect(commands.count > 20)
    for command in commands {
      for arguments in [[Self.name], ["/nowhere/\(Self.name)"], ["--\(Self.name)"]] {
        let outcome = try Program.run(command + arguments)
        check(outcome, command)
        #expect(outcome.code < 128, "\(command): \(outcome.errors)")
      }
    }
  }

  /// A data set whose class and files bear the name, and a recipe that does.
  private func fixture() throws -> (folder: String, recipe: String) {
    let folder = try Program.temporaryFolder()
    let data = "\(folder)/data"
    let made = try Program.run(
      "data", "synthesize", "parking-lot", "--images", "8", "--validation-images", "4", "--size",
      "96x96", "--output", data)
    try #require(made.code == 0, "\(made.errors)")
    let files = FileManager.default
    for split in ["train", "val"] {
      let image = try #require(
        try files.contentsOfDirectory(atPath: "\(data)/images/\(split)").sorted().first)
      let stem = (image as NSString).deletingPathExtension
      let type = (image as NSString).pathExtension
      try files.moveItem(
        atPath: "\(data)/images/\(split)/\(image)",
        toPath: "\(data)/images/\(split)/\(Self.name).\(type)")
      try files.moveItem(
        atPath: "\(data)/labels/\(split)/\(stem).txt",
        toPath: "\(data)/labels/\(split)/\(Self.name).txt")
    }
    let quoted =
      "\""
      + Self.name.unicodeScalars.map { scalar -> String in
        scalar.value < 0x20 || scalar.value > 0x7E
          ? "\\u" + String(format: "%04x", scalar.value) : String(scalar)
      }.joined() + "\""
    let other = quoted.dropLast() + "b\""
    try "path: .\ntrain: images/train\nval: images/val\nnames: {0: \(quoted), 1: \(other)}\n"
      .write(toFile: "\(data)/data.yaml", atomically: true, encoding: .utf8)
    let recipe = "\(folder)/\(Self.name).yaml"
    try TinyRun.recipe
      .replacingOccurrences(of: "name: tiny", with: "name: \(quoted)")
      .replacingOccurrences(
        of: "data: { synthetic: { images: 8, validationImages: 4 } }",
        with: "data: { format: yolo, root: data }"
      )
      .write(toFile: recipe, atomically: true, encoding: .utf8)
    return (folder, recipe)
  }

  @Test func `names in data, recipes and checkpoints are shown printable`() throws {
    let (folder, recipe) = try fixture()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let data = "\(folder)/data"
    let run = "\(folder)/\(Self.name)"
    // A damaged image under such a name, too.
    try "no image".write(
      toFile: "\(data)/images/train/bad \(Self.name).jpg", atomically: true, encoding: .utf8)
    let trained = [
      "train", recipe, "--run", run, "--set", "data.root=\(data)", "--skip-bad",
    ]
    for command in [
      ["data", "check", "--format", "yolo", "--root", data],
      ["data", "check", "--format", "yolo", "--root", data, "--json"],
      ["data", "stats", recipe, "--set", "data.root=\(data)"],
      ["data", "stats", "--format", "yolo", "--root", data, "--json"],
      Array(trained.dropLast()), trained,
      ["train", recipe, "--run", run, "--set", "data.root=\(data)", "--set", "\(Self.name)=3"],
      trained + ["--resume", "auto"],
      ["evaluate", run], ["evaluate", run, "--json"],
      ["predict", run, "\(data)/images/val", "--output", "\(folder)/out \(Self.name)"],
      ["predict", run, "\(data)/images/val", "--output", "\(folder)/json", "--json"],
      ["export", run, "--output", "\(folder)/\(Self.name).onnx"],
      ["export", run, "--output", "\(folder)/\(Self.name)2.onnx", "--json"],
      ["calibrate", "\(run)/checkpoints/step-00000000", "--output", "\(folder)/c \(Self.name)"],
      ["sensitivity", run, "--by", "sqnr", "--images", "4", "--plot", "\(folder)/s.svg"],
      ["check-target", run, "--target", "tflite"],
      ["parity", run, "--images", "2"],
      ["checkpoint", "list", run], ["checkpoint", "show", run],
      ["checkpoint", "show", run, "--json"], ["checkpoint", "show", run, "--site"],
      ["checkpoint", "show", run, "--only", Self.name],
      ["checkpoint", "verify", run], ["checkpoint", "diff", run, run],
      ["checkpoint", "extract", run, "--to", "npz", "--output", "\(folder)/\(Self.name).npz"],
      ["checkpoint", "prune", run, "--dry-run"],
      ["report", run, "--output", "\(folder)/curves.svg"], ["report", run, "--json"],
      ["doctor", "--run", run], ["bench", "load", recipe, "--set", "data.root=\(data)"],
    ] {
      let outcome = try Program.run(command)
      check(outcome, command)
      #expect(outcome.code < 128, "\(command[0]): \(outcome.errors)")
      // A command that was not understood would show nothing.
      #expect(!outcome.errors.contains("Usage: edgewise"), "\(command[0]): \(outcome.errors)")
      if command.contains("--json"), outcome.code == 0 { _ = try outcome.json() }
    }
  }

  @Test func `a drawing of a run with such a name is XML`() throws {
    let folder = try Program.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let run = "\(folder)/\(Self.name) <b>&amp;\"&\u{301}"
    try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: "\(TinyRun.folder())/results.csv", toPath: "\(run)/results.csv")
    let drawn = try Program.run("report", run, "--output", "\(folder)/curves.svg")
    #expect(drawn.code == 0, "\(drawn.errors)")
    let parsed = try Program.shell(
      #"python3 -c "import sys, xml.dom.minidom as x; x.parse(sys.argv[1])" "$2""#,
      ["\(folder)/curves.svg"])
    #expect(parsed.code == 0, "\(parsed.errors)")
  }
}

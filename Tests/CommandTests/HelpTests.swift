import Testing

@Suite(.enabled(if: Program.isBuilt, Comment(rawValue: Program.notBuilt)))
struct HelpTests {
  @Test(arguments: [
    [], ["train"], ["launch"], ["evaluate"], ["predict"], ["export"], ["check-target"],
    ["parity"], ["calibrate"], ["sensitivity"], ["checkpoint"],
    ["checkpoint", "list"], ["checkpoint", "show"], ["checkpoint", "verify"],
    ["checkpoint", "diff"], ["report"], ["data"], ["data", "check"], ["data", "stats"],
    ["data", "synthesize"], ["bench"], ["bench", "step"], ["bench", "ops"], ["bench", "infer"],
    ["bench", "load"],
    ["bench", "reduce"], ["bench", "scaling"], ["bench", "checkpoint"], ["bench", "report"],
    ["bench", "check"], ["doctor"],
  ])
  func `every command explains itself with an example`(_ command: [String]) throws {
    let help = try Program.run(command + ["--help"])
    #expect(help.code == 0)
    #expect(help.output.contains("Example"), "\(command)")
    #expect(help.output.contains("edgewise " + command.joined(separator: " ")), "\(command)")
  }
}

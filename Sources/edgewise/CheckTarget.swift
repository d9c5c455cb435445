import ArgumentParser
import Checkpoints
import Exporting
import Quantization
import Training

struct CheckTarget: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-target",
    abstract: "Names every node that a target would compute in float, on the CPU or otherwise.",
    discussion: """
      Examples:
        edgewise check-target runs/demo --target edgetpu
        edgewise check-target runs/demo/checkpoints/step-00001200 --target onnxruntime --json

      A checkpoint of the float phase is checked with the sites that the target would get. The rules \
      are those that the vendors document; they were not run on a TensorRT or Edge TPU device. Exit \
      code 0: the whole graph runs on integers as trained; 1: it does not.
      """)

  @OptionGroup var deployed: DeployedArguments

  @Flag(help: "Print one JSON document.")
  var json = false

  func run() throws {
    try endingAlone {
      let model = try DeployedModel(checkpoint: openCheckpoint(deployed.checkpoint))
      let target = deployed.target ?? model.recipe.quantization.target.kind
      let findings = try model.findings(target: target)
      let notes = model.exportNotes(target: target)
      // A dead channel is computed as trained: worth a line, no failure.
      let isExact = findings.allSatisfy { $0.kind == .dead }
      if json {
        printJSON([
          "checkpoint": .string(model.path), "target": .string(target.rawValue),
          "exact": .bool(isExact), "rules": .string(target.rules.source),
          "ran_on_device": false, "findings": .array(findings.map(\.json)),
          "notes": .array(notes.map { .string($0) }),
        ])
      } else {
        for finding in findings { print("\(finding)") }
        for note in notes { print("as ONNX: \(note)") }
        print(
          isExact
            ? "\(target.rawValue): the whole graph runs on integers as trained, by the rules of: \(target.rules.source)"
            : "\(target.rawValue): \(findings.count { $0.kind != .dead }) nodes differ, by the rules of: \(target.rules.source)"
        )
      }
      if !isExact { throw ExitCode(1) }
    }
  }
}

extension TargetFinding {
  /// As it stands in a JSON document.
  var json: JSONValue {
    ["node": .string(node), "kind": .string(kind.rawValue), "reason": .string(reason)]
  }
}

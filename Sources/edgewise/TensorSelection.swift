import ArgumentParser
import Checkpoints
import Glibc

/// Which tensors of a checkpoint a command is about.
struct TensorSelection: ParsableArguments {
  @Option(
    name: .customLong("only"),
    help: ArgumentHelp(
      "Tensors whose name fits a pattern as shells have them: 'model.0.*', '*.bn.?eight'. Repeatable.",
      valueName: "pattern"))
  var patterns: [String] = []

  @Option(
    name: .customLong("role"),
    help: ArgumentHelp(
      "Tensors of a role: parameter, bn, momentum, second_moment, ema, observer. Repeatable.",
      valueName: "role"))
  var roles: [String] = []

  /// The C function is `fnmatch`, so `*` reaches over points and slashes.
  func includes(_ record: TensorRecord) -> Bool {
    includes(name: record.name) && (roles.isEmpty || roles.contains(record.role.rawValue))
  }

  func includes(name: String) -> Bool {
    patterns.isEmpty || patterns.contains { fnmatch($0, name, 0) == 0 }
  }

  /// What was asked for, for a sentence that there is none.
  var text: String {
    (patterns.map { "the name \($0)" } + roles.map { "the role \($0)" }).joined(separator: " and ")
  }
}

import Foundation

extension Program {
  /// Runs the program through a line of shell, in which `"$@"` is the program with `arguments`: to
  /// close descriptors, to fill disks, to hang up on it. The code is that of the whole line.
  static func shell(_ line: String, _ arguments: [String]) throws -> Outcome {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func file(_ name: String) throws -> FileHandle {
      _ = FileManager.default.createFile(atPath: "\(folder)/\(name)", contents: nil)
      return try FileHandle(forWritingTo: URL(fileURLWithPath: "\(folder)/\(name)"))
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", line, "sh", path] + arguments
    process.environment = ProcessInfo.processInfo.environment.filter { name, _ in
      !["OMPI_", "PMIX_", "PMI_", "SLURM_"].contains(where: name.hasPrefix)
    }
    process.standardOutput = try file("output")
    process.standardError = try file("errors")
    try process.run()
    process.waitUntilExit()
    func text(_ name: String) throws -> String {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
      return String(decoding: bytes, as: UTF8.self)
    }
    return Outcome(
      // A signal counts as a shell counts it.
      code: process.terminationReason == .uncaughtSignal
        ? 128 + process.terminationStatus : process.terminationStatus,
      output: try text("output"), errors: try text("errors"))
  }

  /// The words of every command that has no subcommands, as the program itself lists them.
  static func commands() throws -> [[String]] {
    let help = try run("--experimental-dump-help").json()
    func words(_ command: [String: Any], _ before: [String]) -> [[String]] {
      let name = command["commandName"] as? String ?? ""
      let parts = (command["subcommands"] as? [[String: Any]] ?? [])
        .filter { $0["commandName"] as? String != "help" }
      let path = before + [name]
      return parts.isEmpty ? [path] : parts.flatMap { words($0, path) }
    }
    guard let root = help["command"] as? [String: Any] else { return [] }
    return words(root, []).map { Array($0.dropFirst()) }
  }
}

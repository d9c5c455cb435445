import Foundation

/// The built program, run as users run it.
enum Program {
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
  static let path = "\(root)/.build/release/edgewise"
  static let isBuilt = FileManager.default.isExecutableFile(atPath: path)
  static let notBuilt = "the program is not built; build it with: make build"

  struct Outcome {
    var code: Int32
    var output: String
    var errors: String

    /// The one JSON document of the output.
    func json() throws -> [String: Any] {
      let value = try JSONSerialization.jsonObject(with: Data(output.utf8))
      guard let object = value as? [String: Any] else { throw CocoaError(.fileReadCorruptFile) }
      return object
    }

    /// The lines of standard error.
    var sentences: [String] { errors.split(separator: "\n").map(String.init) }
  }

  /// Runs the program to its end, without what a launcher around the tests left in the environment.
  static func run(_ arguments: String...) throws -> Outcome { try run(arguments) }

  /// - Parameters:
  ///   - forRanks: with what `mpirun` needs in its environment.
  ///   - ranks: start it under `mpirun`.
  static func run(_ arguments: [String], forRanks: Bool = false, ranks: Int? = nil) throws
    -> Outcome
  {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func file(_ name: String) throws -> FileHandle {
      FileManager.default.createFile(atPath: "\(folder)/\(name)", contents: nil)
      return try FileHandle(forWritingTo: URL(fileURLWithPath: "\(folder)/\(name)"))
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let launcher = ranks.map { ["mpirun", "--quiet", "--oversubscribe", "-n", "\($0)"] } ?? []
    process.arguments = launcher + [path] + arguments
    var environment = ProcessInfo.processInfo.environment.filter { name, _ in
      !["OMPI_", "PMIX_", "PMI_", "SLURM_"].contains(where: name.hasPrefix)
    }
    if forRanks {
      environment["OMP_NUM_THREADS"] = "1"
      environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
      environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
      // Containers forbid reading another process's memory.
      environment["OMPI_MCA_btl_vader_single_copy_mechanism"] = "none"
    }
    process.environment = environment
    process.standardOutput = try file("output")
    process.standardError = try file("errors")
    try process.run()
    process.waitUntilExit()
    func text(_ name: String) throws -> String {
      try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
    }
    return Outcome(
      code: process.terminationStatus, output: try text("output"), errors: try text("errors"))
  }

  static func temporaryFolder() throws -> String {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("edgewise-commands-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return folder
  }
}

/// Data from outside that some tests need.
enum TestData {
  static let folder =
    ProcessInfo.processInfo.environment["EDGEWISE_TEST_DATA"] ?? "\(Program.root)/../shared/data"

  static func isThere(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: "\(folder)/\(name)")
  }
}

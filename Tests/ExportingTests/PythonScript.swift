import Foundation

/// A script of `scripts/` under a Python that has what it imports: the one that `EDGEWISE_PYTHON`
/// names, else the package's `.venv`.
struct PythonScript {
  let name: String
  /// Whether there is such a Python.
  let isReady: Bool

  static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  private static var python: URL {
    ProcessInfo.processInfo.environment["EDGEWISE_PYTHON"].map { URL(filePath: $0) }
      ?? root.appending(path: ".venv/bin/python")
  }

  init(name: String, packages: String) {
    self.name = name
    isReady = (try? Self.run(["-c", "import \(packages)"]))?.status == 0
  }

  struct Outcome {
    var status: Int32
    var output: Data
    var error: String
  }

  /// What the script printed, and its exit code.
  func run(_ arguments: [String]) throws -> Outcome {
    try Self.run([Self.root.appending(path: "scripts/\(name)").path] + arguments)
  }

  private static func run(_ arguments: [String]) throws -> Outcome {
    guard FileManager.default.isExecutableFile(atPath: python.path) else {
      throw CocoaError(.executableNotLoadable)
    }
    let process = Process()
    process.executableURL = python
    process.arguments = arguments
    // To files: a runtime that fills one pipe while the other is read would wait for ever.
    var outcome = Outcome(status: 0, output: Data(), error: "")
    try withFolder { folder in
      func file(_ name: String) throws -> FileHandle {
        let path = folder.appending(path: name).path
        FileManager.default.createFile(atPath: path, contents: nil)
        return try FileHandle(forWritingTo: URL(filePath: path))
      }
      process.standardOutput = try file("output")
      process.standardError = try file("error")
      try process.run()
      process.waitUntilExit()
      outcome.status = process.terminationStatus
      outcome.output = try Data(contentsOf: folder.appending(path: "output"))
      outcome.error = try String(
        contentsOf: folder.appending(path: "error"), encoding: .utf8)
    }
    return outcome
  }

  static func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "edgewise-export-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }
}

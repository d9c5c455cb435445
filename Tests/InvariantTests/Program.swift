import Foundation

/// The built program as users start it: alone or under `mpirun`.
enum Program {
  struct Outcome {
    /// 124 if the time was over.
    var exitCode: Int32
    var output: String
    var errors: String

    /// The program's own sentences on standard error.
    var sentences: [String] {
      errors.split(separator: "\n").map(String.init).filter { $0.hasPrefix("edgewise:") }
    }
  }

  static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  static let path = root.appending(path: ".build/release/edgewise").path
  static var isBuilt: Bool { FileManager.default.isExecutableFile(atPath: path) }

  /// A run in progress.
  final class Running {
    let process = Process()
    private let folder: URL

    init(
      _ arguments: [String], ranks: Int?, program: String = Program.path, timeoutSeconds: Int
    ) throws {
      folder = FileManager.default.temporaryDirectory
        .appending(path: "edgewise-program-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      // What an outer launcher set would make the ranks take part in its job.
      var environment = ProcessInfo.processInfo.environment.filter { name, _ in
        !["PMIX_", "PMI_", "OMPI_COMM_WORLD"].contains { name.hasPrefix($0) }
      }
      environment["OMP_NUM_THREADS"] = "1"
      environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
      environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
      // Containers forbid reading another process's memory.
      environment["OMPI_MCA_btl_vader_single_copy_mechanism"] = "none"
      process.environment = environment
      process.executableURL = URL(filePath: "/usr/bin/env")
      let launcher =
        ranks.map { ["mpirun", "--quiet", "--oversubscribe", "-n", "\($0)"] } ?? []
      process.arguments =
        ["timeout", "-k", "5", "\(timeoutSeconds)"] + launcher + [program] + arguments
      process.standardInput = FileHandle.nullDevice
      for (name, keyPath) in [
        ("output", \Process.standardOutput), ("errors", \Process.standardError),
      ] as [(String, ReferenceWritableKeyPath<Process, Any?>)] {
        let file = folder.appending(path: name)
        try Data().write(to: file)
        process[keyPath: keyPath] = try FileHandle(forWritingTo: file)
      }
      // Threads of a test block signals, and a child inherits what is blocked.
      var all = sigset_t()
      var before = sigset_t()
      sigfillset(&all)
      pthread_sigmask(SIG_UNBLOCK, &all, &before)
      defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
      try process.run()
    }

    func text(_ name: String) -> String {
      (try? String(contentsOf: folder.appending(path: name), encoding: .utf8)) ?? ""
    }

    /// Waits until standard output holds `text`; false if the program ended before.
    func waitFor(_ text: String) -> Bool {
      while process.isRunning {
        if self.text("output").contains(text) { return true }
        usleep(5000)
      }
      return self.text("output").contains(text)
    }

    /// Sends `signal` to what `timeout` runs: `mpirun`, which hands it on to its ranks.
    func send(_ signal: Int32) {
      let pid = process.processIdentifier
      // Files of /proc say they are empty, so they are read to their end.
      let children = FileHandle(forReadingAtPath: "/proc/\(pid)/task/\(pid)/children")
        .flatMap { try? $0.readToEnd() }
      for child in String(decoding: children ?? Data(), as: UTF8.self).split(separator: " ") {
        if let child = Int32(child) { kill(child, signal) }
      }
    }

    /// The process id of a rank, once the run has said it; `nil` if the program ended before.
    func processID(ofRank rank: Int, inRun run: URL) -> Int32? {
      while process.isRunning {
        let line = try? String(
          contentsOf: run.appending(path: "ranks/rank-\(rank)"), encoding: .utf8)
        let words = (line ?? "").split(separator: " ")
        if words.count > 4, let id = Int32(words[4]) { return id }
        usleep(5000)
      }
      return nil
    }

    func wait() -> Outcome {
      process.waitUntilExit()
      defer { try? FileManager.default.removeItem(at: folder) }
      return Outcome(
        exitCode: process.terminationStatus, output: text("output"), errors: text("errors"))
    }
  }

  /// - Parameter program: what is started; another one starts this one itself.
  static func run(
    _ arguments: [String], ranks: Int? = nil, program: String = path, timeoutSeconds: Int = 240
  ) throws -> Outcome {
    try Running(arguments, ranks: ranks, program: program, timeoutSeconds: timeoutSeconds).wait()
  }
}

import Foundation

/// Runs one test of this test program under a real `mpirun`.
///
/// The test to run is a *child*: enabled only if `MPIRun.child` is its name, so that an ordinary
/// run skips it. It takes `Communicator.world()`, writes what it found with `report`, and
/// finalizes. An outer test calls `run` and looks at the reports.
enum MPIRun {
  struct Outcome {
    /// That of `mpirun`: 0, or that of a rank that failed; 124 if the time was over.
    var exitCode: Int32
    /// What each rank reported; nil where it wrote nothing.
    var reports: [String?]
    /// Standard output and error of all ranks.
    var log: String
  }

  private static let nameVariable = "EDGEWISE_MPI_CHILD"
  private static let folderVariable = "EDGEWISE_MPI_REPORTS"

  /// The child that this process is to be, if any.
  static let child = ProcessInfo.processInfo.environment[nameVariable]

  /// Writes the report of `rank`. For children.
  static func report(_ text: String, rank: Int) throws {
    let folder = ProcessInfo.processInfo.environment[folderVariable] ?? "."
    try Data(text.utf8).write(to: URL(filePath: "\(folder)/rank-\(rank)"))
  }

  /// Starts `ranks` processes of this very program, with `--filter filter`, as the child `name`.
  static func run(
    _ name: String, ranks: Int, filter: String, timeoutSeconds: Int = 120
  ) throws -> Outcome {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "edgewise-mpi-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }

    // What an outer launcher set would make the ranks take part in its job.
    var environment = ProcessInfo.processInfo.environment.filter { name, _ in
      !["PMIX_", "PMI_", "OMPI_COMM_WORLD"].contains { name.hasPrefix($0) }
    }
    environment[nameVariable] = name
    environment[folderVariable] = folder.path
    environment["OMP_NUM_THREADS"] = "1"
    environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
    environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    // Containers forbid reading another process's memory.
    environment["OMPI_MCA_btl_vader_single_copy_mechanism"] = "none"

    let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let log = folder.appending(path: "log")
    try Data().write(to: log)
    let output = try FileHandle(forWritingTo: log)
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [
      "timeout", "-k", "5", "\(timeoutSeconds)", "mpirun", "-n", "\(ranks)", "--oversubscribe",
      program, "--testing-library", "swift-testing", "--filter", filter,
    ]
    process.environment = environment
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.run()
    process.waitUntilExit()

    return Outcome(
      exitCode: process.terminationStatus,
      reports: (0..<ranks).map {
        try? String(contentsOf: folder.appending(path: "rank-\($0)"), encoding: .utf8)
      },
      log: (try? String(contentsOf: log, encoding: .utf8)) ?? "")
  }
}

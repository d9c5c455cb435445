import Checkpoints
import Foundation
import Glibc
import Parallel

/// One JSON document on a line of standard output.
func printJSON(_ value: JSONValue) {
  print(value.lineText)
}

/// Replaces the current line of a terminal, on standard error.
func showInPlace(_ text: String, isLast: Bool) {
  FileHandle.standardError.write(Data("\r\u{1B}[K\(text)\(isLast ? "\n" : "")".utf8))
}

/// Whether this process should do the work of a command that needs no other rank: always, but for
/// the further ranks of a launcher. Asks the environment only; MPI is not started.
func isFirstProcess() -> Bool {
  let environment = ProcessInfo.processInfo.environment
  for name in ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"] {
    if let rank = environment[name].flatMap({ Int($0) }) { return rank == 0 }
  }
  return true
}

/// Runs the work of a command for one process; the further ranks of a launcher do nothing.
func endingAlone(_ work: () throws -> Void) throws {
  guard isFirstProcess() else { return }
  try ending(nil, work)
}

/// Writes a file so that it is whole or not there: a temporary file beside it, flushed, renamed.
///
/// - Throws: a sentence; a file that was there and `isReplacing` was not asked for, or the system's
///   reason.
func writeWhole(_ bytes: [UInt8], to path: String, isReplacing: Bool) throws(FailureReport) {
  func refused(_ doing: String) -> FailureReport {
    FailureReport(
      message:
        "\(path): cannot \(doing) (\(String(cString: strerror(errno)))); check the folder and the free space",
      exitCode: 74, rank: 0)
  }
  guard isReplacing || access(path, F_OK) != 0 else {
    throw FailureReport(
      message: "\(path) is there already and was left as it is; add --force to replace it",
      exitCode: 64, rank: 0)
  }
  let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
  do {
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
  } catch {
    throw FailureReport(
      message: "\(folder): the folder cannot be made (\(error.localizedDescription))", exitCode: 74,
      rank: 0)
  }
  let partial = "\(path).partial-\(getpid())"
  guard let file = fopen(partial, "wbx") else { throw refused("be written") }
  let written = fwrite(bytes, 1, bytes.count, file)
  let isFlushed = fflush(file) == 0 && fsync(fileno(file)) == 0
  let isClosed = fclose(file) == 0
  guard written == bytes.count, isFlushed, isClosed else {
    let error = refused("be written")
    unlink(partial)
    throw error
  }
  guard rename(partial, path) == 0 else {
    let error = refused("be put in its place")
    unlink(partial)
    throw error
  }
}

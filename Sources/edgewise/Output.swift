import Checkpoints
import Foundation
import Glibc
import Parallel
import Texts

/// One JSON document on a line of standard output.
func printJSON(_ value: JSONValue) {
  StandardOutput.write(printableJSON(value.lineText) + "\n")
}

/// Replaces the current line of a terminal, on standard error.
func showInPlace(_ text: String, isLast: Bool) {
  StandardError.write("\r\u{1B}[K\(printable(text))\(isLast ? "\n" : "")")
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

/// Makes a folder and those above it; one that is there already is fine.
///
/// - Throws: a sentence with the system's reason.
func makeFolder(_ path: String) throws(FailureReport) {
  func isFolder() -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
  if path.isEmpty || isFolder() { return }
  let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
  try makeFolder(parent)
  guard mkdir(path, 0o777) != 0 else { return }
  let reason =
    errno == EEXIST ? "something else has this name" : String(cString: strerror(errno))
  guard isFolder() else {
    throw FailureReport(
      message:
        "\(path): the folder cannot be made (\(reason)); check the path and its permissions",
      exitCode: 74, rank: 0)
  }
}

/// - Throws: a sentence where `path` is not called an SVG file: other programs go by the name.
func checkNamedSVG(_ path: String, option: String) throws(FailureReport) {
  guard !path.lowercased().hasSuffix(".svg") else { return }
  throw FailureReport(
    message: "\(option) \(path): the drawing is an SVG file; give it a name that ends in .svg",
    exitCode: 64, rank: 0)
}

/// The path of this program.
func ownProgram() throws(FailureReport) -> String {
  do {
    return try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  } catch {
    throw FailureReport(
      message:
        "/proc/self/exe cannot be read, so this program cannot start itself again; mount /proc",
      exitCode: 74, rank: 0)
  }
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
  try makeFolder(folder)
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

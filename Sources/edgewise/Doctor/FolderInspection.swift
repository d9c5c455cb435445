import Foundation
import Glibc
import MessagePassing
import Parallel

/// What a rank finds of the folder that runs are to lie in.
struct FolderInspection: Codable {
  var path: String
  /// Why nothing can be written there; `nil` if it can.
  var problem: String?
  /// As the kernel calls it: ext4, nfs4, lustre, tmpfs, …
  var fileSystem: String
  var freeByteCount: Int
  /// Whether this rank sees what rank 0 has written there.
  var isShared: Bool

  /// Rank 0 writes a file that the others look for; every rank writes one of its own. Both go again.
  ///
  /// *Collective.*
  init(path: String, communicator: Communicator) throws(FailureReport) {
    self.path = path
    let absolute = URL(filePath: path).standardizedFileURL.path
    var wasMade = false
    let mark = "\(path)/.doctor"
    if communicator.rank == 0 {
      wasMade = !FileManager.default.fileExists(atPath: path)
      try? makeFolder(path)
      _ = FileManager.default.createFile(atPath: mark, contents: Data([1]))
    }
    try communicator.throwTogether(nil)
    isShared = FileManager.default.fileExists(atPath: mark)
    let own = "\(path)/.doctor-\(communicator.rank)-\(getpid())"
    let file = open(own, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    let isWritten = file >= 0 && write(file, "x", 1) == 1 && fsync(file) == 0
    problem = isWritten ? nil : String(cString: strerror(errno))
    if file >= 0 { close(file) }
    unlink(own)
    fileSystem = Self.fileSystem(of: absolute)
    var information = statvfs()
    freeByteCount =
      statvfs(path, &information) == 0 ? Int(information.f_bavail) * Int(information.f_frsize) : 0
    try communicator.throwTogether(nil)
    if communicator.rank == 0 {
      unlink(mark)
      if wasMade { rmdir(path) }
    }
  }

  /// That of the longest mount point above `path`.
  private static func fileSystem(of path: String) -> String {
    let mounts = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
    var best = (length: 0, name: "unknown")
    for line in mounts.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count > 2 else { continue }
      let point = words[1].replacingOccurrences(of: "\\040", with: " ")
      let prefix = point == "/" ? "/" : point + "/"
      // Later mounts hide earlier ones.
      if (path + "/").hasPrefix(prefix), prefix.count >= best.length {
        best = (prefix.count, String(words[2]))
      }
    }
    return best.name
  }
}

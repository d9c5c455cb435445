import Foundation
import Glibc

/// The folder `ranks/` of a run, in which each rank says what it is doing: a file of one line each.
///
/// It lies where the checkpoints lie, on a file system that all hosts see, and works while MPI does
/// not. Nothing here throws: a rank that cannot write is silent to the others, and what cannot be
/// read is not known.
struct StatusBoard: Sendable {
  let folder: String

  init(runFolder: String) { folder = "\(runFolder)/ranks" }

  /// Makes an empty one; what an earlier start left there is gone.
  func clear() {
    remove()
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  func remove() { try? FileManager.default.removeItem(atPath: folder) }

  /// Writes the file of its rank.
  ///
  /// Opened and closed each time: network file systems hand a file on when it is closed, and look
  /// for news when it is opened. Overwritten in place and of one length, so that it takes no new
  /// space on a full disk.
  func write(_ status: RankStatus) {
    guard let file = opened(status.rank, O_WRONLY | O_CREAT) else { return }
    defer { close(file) }
    let text = Array(status.line.utf8.dropLast())
    let padding = [UInt8](repeating: 0x20, count: max(Self.length - 1 - text.count, 0))
    let line = text + padding + [0x0A]
    _ = pwrite(file, line, line.count, 0)
  }

  func read(rank: Int) -> RankStatus? {
    guard let file = opened(rank, O_RDONLY) else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: Self.length)
    let count = pread(file, &bytes, Self.length, 0)
    guard count > 0 else { return nil }
    return RankStatus(line: String(decoding: bytes[..<count], as: UTF8.self))
  }

  /// The file of a rank; `nil` where it cannot be opened or is none. A pipe of that name would hold up the
  /// watchdog, a link lead elsewhere.
  private func opened(_ rank: Int, _ flags: Int32) -> Int32? {
    let flags = flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
    let file = open("\(folder)/rank-\(rank)", flags, 0o644)
    guard file >= 0 else { return nil }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(file)
      return nil
    }
    return file
  }

  private static let length = 512
}

extension RankStatus {
  /// What the ranks of the run in `runFolder` said last, in the order of their ranks; empty after
  /// a regular end.
  public static func lastKnown(runFolder: String) -> [RankStatus] {
    let board = StatusBoard(runFolder: runFolder)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: board.folder)) ?? []
    return names.compactMap { name in
      guard name.hasPrefix("rank-"), let rank = Int(name.dropFirst(5)) else { return nil }
      return board.read(rank: rank)
    }.sorted { $0.rank < $1.rank }
  }
}

import Glibc
import Images

/// The few questions the readers ask of folders and files.
enum FileSystem {
  enum Kind: Equatable {
    /// A link to it counts as the file.
    case file, folder
    /// A pipe, socket or device, or something that may not be looked at.
    case other
    case brokenLink
    case absent
  }

  static func kind(_ path: String) -> Kind {
    // The system would take what stands before the zero for the name.
    guard !path.utf8.contains(0) else { return .absent }
    var status = stat()
    if stat(path, &status) == 0 {
      switch status.st_mode & S_IFMT {
      case S_IFREG: return .file
      case S_IFDIR: return .folder
      default: return .other
      }
    }
    let isAbsent = errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENAMETOOLONG
    guard isAbsent else { return .other }
    return lstat(path, &status) == 0 ? .brokenLink : .absent
  }

  static func exists(_ path: String) -> Bool {
    let kind = kind(path)
    return kind != .absent && kind != .brokenLink
  }

  static func isFolder(_ path: String) -> Bool { kind(path) == .folder }

  static func join(_ folder: String, _ name: String) -> String {
    if name.hasPrefix("/") || folder.isEmpty { return name }
    return folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }

  /// The folder a path lies in: `a/b` → `a`, `b` → `.`.
  static func parent(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])  // bounded: an index of the path
  }

  /// What follows the last slash.
  static func name(_ path: String) -> String {
    // bounded: indices of the path
    String(path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...])
  }

  /// What stands before the last dot, unless the name begins with it.
  static func stem(_ name: String) -> String {
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return name }
    return String(name[..<dot])  // bounded: an index of the name
  }

  /// What follows the last dot, in small letters; empty without one.
  static func ending(_ name: String) -> String {
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "" }
    return name[name.index(after: dot)...].lowercased()  // bounded: an index of the name
  }

  /// The bytes of a path, by which it is compared: `String`s are equal where they look alike,
  /// which two files' names may.
  static func key(_ path: String) -> [UInt8] {
    let parts = path.utf8.split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual(".".utf8) }
    return (path.hasPrefix("/") ? [UInt8(ascii: "/")] : []) + parts.joined(separator: "/".utf8)
  }

  /// `name` in `folder`; where it is not there and its `\` read as `/` are, that.
  static func resolve(_ name: String, in folder: String) -> (path: String, isMended: Bool) {
    let path = join(folder, name)
    guard name.utf8.contains(UInt8(ascii: "\\")), kind(path) == .absent else {
      return (path, false)
    }
    let mended = String(name.map { $0 == "\\" ? "/" : $0 })
    guard !mended.hasPrefix("/"), !mended.split(separator: "/").contains("..") else {
      return (path, false)
    }
    let other = join(folder, mended)
    return kind(other) == .absent ? (path, false) : (other, true)
  }

  /// The bytes of a regular file of at most `limit` bytes.
  static func bytes(_ path: String, purpose: String, limit: Int) throws(DataError) -> [UInt8] {
    do throws(FileBytesError) {
      return try regularFileBytes(path, limit: limit)
    } catch .missing {
      throw .missing(path: path, purpose: purpose)
    } catch {
      throw .badConfiguration(path: path, reason: "\(purpose) cannot be read (\(error.reason))")
    }
  }

  /// The lines of a text, their ends (LF, CRLF or CR) and a byte-order mark removed.
  // bounded: i is compared with the count before each byte, and start is never beyond i
  static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    var lines: [ArraySlice<UInt8>] = []
    var start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    var i = start
    while i < bytes.count {
      if bytes[i] == 0x0A || bytes[i] == 0x0D {
        lines.append(bytes[start..<i])
        if bytes[i] == 0x0D && i + 1 < bytes.count && bytes[i + 1] == 0x0A { i += 1 }
        start = i + 1
      }
      i += 1
    }
    if start < bytes.count { lines.append(bytes[start...]) }
    return lines
  }
}

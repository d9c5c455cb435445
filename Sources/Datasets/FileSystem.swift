import Foundation

/// The few questions the readers ask of folders and files.
enum FileSystem {
  static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  static func join(_ folder: String, _ name: String) -> String {
    if name.hasPrefix("/") || folder.isEmpty { return name }
    return folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }

  /// The folder a path lies in: `a/b` → `a`, `b` → `.`.
  static func parent(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  static func bytes(_ path: String, purpose: String) throws(DataError) -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw exists(path)
        ? .badConfiguration(path: path, reason: "\(purpose) cannot be read; check permissions")
        : .missing(path: path, purpose: purpose)
    }
    return [UInt8](data)
  }

  /// What lies in `folder` and below, hidden names left out, in the order of the bytes of their
  /// paths.
  static func files(under folder: String) -> [String] {
    var paths: [String] = []
    var folders = [folder]
    while let next = folders.popLast() {
      for name in (try? FileManager.default.contentsOfDirectory(atPath: next)) ?? []
      where !name.hasPrefix(".") {
        let path = join(next, name)
        if isFolder(path) { folders.append(path) } else { paths.append(path) }
      }
    }
    return paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The pictures in `folder` and below. Kinds that cannot be decoded are named too: to leave them
  /// out silently would hide a part of the data.
  static func pictures(under folder: String) -> [String] {
    files(under: folder).filter { path in
      guard let dot = path.lastIndex(of: ".") else { return false }
      return kinds.contains(path[path.index(after: dot)...].lowercased())
    }
  }

  private static let kinds: Set<String> = [
    "jpg", "jpeg", "jpe", "png", "bmp", "gif", "tif", "tiff", "webp",
  ]

  /// The lines of a text, their ends (LF, CRLF or CR) and a byte-order mark removed.
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

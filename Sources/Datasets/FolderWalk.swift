import Glibc

/// The files in a folder and below, hidden names left out, in the order of the bytes of their paths.
///
/// A folder is read once however many links lead to it, and by its own path rather than a link's; a
/// link to a folder around the first one is not followed. So a circle of links ends, and no image
/// is read twice.
struct FolderWalk {
  private(set) var files: [String] = []
  /// Links that lead to folders read already, or around the first.
  private(set) var passedLinks: [String] = []
  private(set) var brokenLinks: [String] = []
  /// Names that are not UTF-8, as `a\xFF.jpg`: no path of ours can name them.
  private(set) var unreadableNames: [String] = []
  private(set) var hiddenFiles: [String] = []

  static let maximumFileCount = 5_000_000
  static let maximumDepth = 64

  private struct Identity: Hashable {
    var device: UInt
    var number: UInt
  }

  /// - Throws: a folder that cannot be read, or the limits.
  init(_ folder: String, isRecursive: Bool = true) throws(DataError) {
    var seen = Self.ancestors(of: folder)
    var links: [String] = []
    try read(folder, isRecursive: isRecursive, seen: &seen, links: &links, depth: 0)
    var next = 0
    // Links after all folders, so that a folder is known by its own path.
    // bounded: next is compared with the count
    while isRecursive && next < links.count {
      let link = links[next]
      next += 1
      if let identity = Self.identity(link), !seen.contains(identity) {
        try read(link, isRecursive: true, seen: &seen, links: &links, depth: 0)
      } else {
        passedLinks.append(link)
      }
    }
    files.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  private mutating func read(
    _ folder: String, isRecursive: Bool, seen: inout Set<Identity>, links: inout [String],
    depth: Int
  ) throws(DataError) {
    if let identity = Self.identity(folder) {
      guard seen.insert(identity).inserted else { return }
    }
    guard depth <= Self.maximumDepth else {
      throw .badConfiguration(
        path: folder, reason: "folders lie deeper than the limit of \(Self.maximumDepth)")
    }
    for name in try names(in: folder) {
      let path = FileSystem.join(folder, name)
      var status = stat()
      guard lstat(path, &status) == 0 else { continue }
      var isLink = false
      if status.st_mode & S_IFMT == S_IFLNK {
        guard stat(path, &status) == 0 else {
          brokenLinks.append(path)
          continue
        }
        isLink = true
      }
      if status.st_mode & S_IFMT != S_IFDIR {
        files.append(path)
        guard files.count <= Self.maximumFileCount else {
          throw .badConfiguration(
            path: folder, reason: "there are more files than the limit of \(Self.maximumFileCount)")
        }
      } else if isLink {
        links.append(path)
      } else if isRecursive {
        // bounded: depth is at most 64
        try read(path, isRecursive: true, seen: &seen, links: &links, depth: depth + 1)
      }
    }
  }

  /// The names in `folder` in the order of their bytes.
  private mutating func names(in folder: String) throws(DataError) -> [String] {
    guard let stream = opendir(folder) else {
      throw .badConfiguration(
        path: folder,
        reason: "the folder cannot be read (\(String(cString: strerror(errno)))); check permissions"
      )
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      // The name ends with a zero within the entry's own length.
      let bytes = withUnsafePointer(to: &entry.pointee.d_name) { name in
        name.withMemoryRebound(to: CChar.self, capacity: 1) { start in
          UnsafeBufferPointer(start: start, count: strlen(start)).map { UInt8(bitPattern: $0) }
        }
      }
      if bytes.first == UInt8(ascii: ".") {
        if bytes.count > 2 { hiddenFiles.append(String(decoding: bytes, as: UTF8.self)) }
      } else if let name = String(validating: bytes, as: UTF8.self) {
        names.append(name)
      } else {
        unreadableNames.append(FileSystem.join(folder, escaped(bytes)))
      }
    }
    unreadableNames.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  private static func identity(_ path: String) -> Identity? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    // bounded: 64 bits in 64, both without a sign
    return Identity(device: UInt(status.st_dev), number: UInt(status.st_ino))
  }

  /// The folders that `folder` lies in, not itself.
  private static func ancestors(of folder: String) -> Set<Identity> {
    var identities: Set<Identity> = []
    guard let real = realpath(folder, nil) else { return [] }
    defer { free(real) }
    var path = String(cString: real)
    while path != "/" && !path.isEmpty && path != "." {
      path = FileSystem.parent(path)
      if let identity = identity(path) { identities.insert(identity) }
    }
    return identities
  }
}

/// Bytes that are not UTF-8, shown: each that is not ASCII as `\xFF`.
private func escaped(_ bytes: [UInt8]) -> String {
  bytes.map { byte in
    if (0x20..<0x7F).contains(byte) { return String(UnicodeScalar(byte)) }
    let digits = String(byte, radix: 16, uppercase: true)
    return "\\x" + (digits.count < 2 ? "0" : "") + digits
  }.joined()
}

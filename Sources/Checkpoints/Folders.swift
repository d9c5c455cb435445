#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// `folder/name`.
func joined(_ folder: String, _ name: String) -> String {
  folder.hasSuffix("/") ? folder + name : folder + "/" + name
}

func isFolder(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// Makes a folder and those above it; one that exists is fine.
func makeFolders(_ path: String) throws(CheckpointError) {
  if isFolder(path) { return }
  if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
    try makeFolders(String(path[..<slash]))
  }
  guard mkdir(path, 0o777) == 0 || (errno == EEXIST && isFolder(path)) else {
    throw systemError("create", path)
  }
}

/// The names in a folder, sorted, without `.` and `..`; none for a folder that is not there.
func folderEntries(_ path: String) throws(CheckpointError) -> [String] {
  guard let stream = opendir(path) else {
    if errno == ENOENT { return [] }
    throw systemError("read", path)
  }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted()
}

/// Removes a folder of files and folders, or a file. What is not there is fine. Symbolic links
/// are removed, not followed.
func removeTree(_ path: String) throws(CheckpointError) {
  try removeTree(Array(path.utf8CString))
}

/// The same by the bytes of the path, which need not be UTF-8.
private func removeTree(_ path: [CChar]) throws(CheckpointError) {
  func failure() -> CheckpointError {
    let shown = path.dropLast().map { UInt8(bitPattern: $0) }
    return systemError("remove", String(decoding: shown, as: UTF8.self))
  }
  var status = stat()
  guard lstat(path, &status) == 0 else {
    if errno == ENOENT { return }
    throw failure()
  }
  guard status.st_mode & S_IFMT == S_IFDIR else {
    guard unlink(path) == 0 || errno == ENOENT else { throw failure() }
    return
  }
  guard let stream = opendir(path) else { throw failure() }
  var names: [[CChar]] = []
  while let entry = readdir(stream) {
    let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
      bytes.prefix { $0 != 0 }.map { CChar(bitPattern: $0) }
    }
    let dot = CChar(UInt8(ascii: "."))
    if name != [dot] && name != [dot, dot] { names.append(name) }
  }
  closedir(stream)
  for name in names {
    try removeTree(path.dropLast() + [CChar(UInt8(ascii: "/"))] + name + [0])
  }
  guard rmdir(path) == 0 || errno == ENOENT else { throw failure() }
}

/// Returns once the folder's entries are on the disk.
func syncFolder(_ path: String) throws(CheckpointError) {
  let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { throw systemError("read", path) }
  defer { close(descriptor) }
  // EINVAL, EROFS: a file system that has no such thing; there is no more to be done there.
  guard fsync(descriptor) == 0 || errno == EINVAL || errno == EROFS else {
    throw systemError("write", path)
  }
}

/// Returns once the entry of `path` in the folder above it is on the disk, and that folder's in the
/// one above, as far as the path goes. Folders that may not be read are passed over: they are older
/// than the run.
func syncFolders(above path: String) throws(CheckpointError) {
  var path = Substring(path)
  while path.last == "/" { path.removeLast() }
  while !path.isEmpty {
    let end = path.lastIndex(of: "/")
    path = end.map { path[..<$0] } ?? ""
    let parent = end == nil ? "." : path.isEmpty ? "/" : String(path)
    guard access(parent, R_OK) == 0 else { continue }
    try syncFolder(parent)
    if end == nil { return }
  }
}

func move(_ old: String, to new: String) throws(CheckpointError) {
  guard rename(old, new) == 0 else { throw systemError("move \(old) to", new) }
}

/// Lets two folders change places in one step; false where the system cannot.
func exchange(_ a: String, _ b: String) -> Bool {
  #if canImport(Darwin)
    return renamex_np(a, b, UInt32(RENAME_SWAP)) == 0
  #else
    // The C function is `renameat2`, since glibc 2.28 and Linux 3.15. Swift's Glibc module does not
    // show it, so it is looked up by name.
    guard let symbol = dlsym(nil, "renameat2") else { return false }
    typealias Function =
      @convention(c) (
        Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32
      ) -> Int32
    let exchangeFlag: UInt32 = 2  // RENAME_EXCHANGE of linux/fs.h
    return unsafeBitCast(symbol, to: Function.self)(AT_FDCWD, a, AT_FDCWD, b, exchangeFlag) == 0
  #endif
}

/// The bytes that may still be written to the file system of a folder.
func availableByteCount(_ path: String) throws(CheckpointError) -> Int {
  var status = statvfs()
  guard statvfs(path, &status) == 0 else { throw systemError("read", path) }
  let (bytes, overflow) = UInt64(status.f_bavail)
    .multipliedReportingOverflow(by: UInt64(status.f_frsize))
  return overflow ? .max : Int(clamping: bytes)
}

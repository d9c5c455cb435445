import Compression
import Engine
import Foundation
import Glibc
import MessagePassing

/// What the bits that this rank computes depend on, besides recipe and data.
func ownFacts() -> [(name: String, value: String)] {
  let compute = ComputeDescription.current
  return [
    ("program", programChecksum()),
    ("instruction set", compute.instructionSet),
    ("compute library", compute.library),
    ("C library", cLibraryVersion()),
    ("MPI", Communicator.libraryVersion),
  ] + computingLibraries() + decidingVariables()
}

/// The shared libraries that compute something of a result, by their bytes: two builds may say the same
/// version.
private func computingLibraries() -> [(name: String, value: String)] {
  let names = [
    "libdnnl", "libgomp", "libomp", "libiomp5", "libm", "libmvec", "libturbojpeg", "libjpeg",
  ]
  // Files of /proc say they are empty, so they are read to their end.
  let maps = FileHandle(forReadingAtPath: "/proc/self/maps").flatMap { try? $0.readToEnd() }
  var paths: [String: String] = [:]
  for line in String(decoding: maps ?? Data(), as: UTF8.self).split(separator: "\n") {
    guard let slash = line.firstIndex(of: "/"), let end = line.range(of: ".so") else { continue }
    let path = String(line[slash...])
    let stem = line[..<end.lowerBound].split(separator: "/").last.map(String.init) ?? ""
    if names.contains(stem) { paths[stem] = path }
  }
  return paths.sorted { $0.key < $1.key }.map { ($0.key, checksum(ofFile: $0.value)) }
}

/// Environment variables that change what oneDNN or the C library compute. oneDNN's limit of the
/// instruction set is not among them: what follows from it is a fact of its own.
private func decidingVariables() -> [(name: String, value: String)] {
  let environment = ProcessInfo.processInfo.environment
  var names = ["GLIBC_TUNABLES"]
  for name in ["DEFAULT_FPMATH_MODE", "CPU_ISA_HINTS"] {
    names += ["ONEDNN_\(name)", "DNNL_\(name)"]
  }
  return names.compactMap { name in environment[name].map { (name, $0) } }
}

/// A checksum of this very program's file, hexadecimal.
private func programChecksum() -> String { checksum(ofFile: "/proc/self/exe") }

private func checksum(ofFile path: String) -> String {
  guard let data = try? Data(contentsOf: URL(filePath: path), options: .mappedIfSafe) else {
    return "unreadable"
  }
  return "xxh64 " + String(data.withUnsafeBytes { xxh64($0) }, radix: 16)
}

/// "glibc 2.36"
private func cLibraryVersion() -> String {
  var text = [CChar](repeating: 0, count: 128)
  let count = confstr(Int32(_CS_GNU_LIBC_VERSION), &text, text.count)
  guard count > 1, count <= text.count else { return "unknown" }
  return String(decoding: text[..<(count - 1)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

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
  ]
}

/// A checksum of this very program's file, hexadecimal.
private func programChecksum() -> String {
  guard
    let data = try? Data(contentsOf: URL(filePath: "/proc/self/exe"), options: .mappedIfSafe)
  else { return "unreadable" }
  return "xxh64 " + String(data.withUnsafeBytes { xxh64($0) }, radix: 16)
}

/// "glibc 2.36"
private func cLibraryVersion() -> String {
  var text = [CChar](repeating: 0, count: 128)
  let count = confstr(Int32(_CS_GNU_LIBC_VERSION), &text, text.count)
  guard count > 1, count <= text.count else { return "unknown" }
  return String(decoding: text[..<(count - 1)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

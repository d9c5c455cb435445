import Compression
import Engine
import MessagePassing

/// The program's version, as `edgewise --version` prints it.
let programVersion = "1.0.0"

/// The version, what was built, and the libraries in use. MPI is asked for its name, not started.
func versionLines() -> [String] {
  #if arch(x86_64)
    let architecture = "x86-64"
  #elseif arch(arm64)
    let architecture = "arm64"
  #else
    let architecture = "another processor"
  #endif
  #if DEBUG
    let build = "not optimized"
  #else
    let build = "optimized"
  #endif
  let facts = Dictionary(
    ownFacts().map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
  return [
    "edgewise \(programVersion)",
    "built for \(architecture), \(build); program \(facts["program", default: "unknown"])",
    "\(ComputeDescription.current.library), \(ComputeDescription.current.instructionSet)",
    "\(Communicator.libraryVersion)", "zstd \(zstdVersion)",
    "\(facts["C library", default: "unknown C library"])",
  ]
}

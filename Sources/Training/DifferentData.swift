/// Ranks that see different data.
public struct DifferentData: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is different for each rank that differs from most, in words.
  public var findings: [String]

  public var description: String {
    let shown = findings.prefix(4).joined(separator: "; ")
    let rest = findings.count > 4 ? "; and \(findings.count - 4) more ranks differ" : ""
    return
      "the ranks see different data: \(shown)\(rest); give all ranks the same files, best on a "
      + "file system that all hosts see"
  }
}

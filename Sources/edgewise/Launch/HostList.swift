import Foundation
import Parallel

/// Hosts and how many ranks each takes.
struct HostList: Equatable {
  struct Host: Equatable {
    var name: String
    var slots: Int
  }

  private(set) var hosts: [Host] = []

  var isEmpty: Bool { hosts.isEmpty }
  var slots: Int { hosts.reduce(0) { $0 + $1.slots } }

  /// As `mpirun -H` takes it.
  var option: String { hosts.map { "\($0.name):\($0.slots)" }.joined(separator: ",") }

  /// Adds what stands behind `-H`: `name`, or `name:slots`, parted by commas.
  mutating func add(option: String) throws(FailureReport) {
    for part in option.split(separator: ",") {
      let words = part.split(separator: ":", omittingEmptySubsequences: false)
      // bounded: of a text, nil where it is none; a constant
      guard words.count <= 2, let slots = words.count == 2 ? Int(words[1]) : 1,
        (1...Self.largestSlots).contains(slots)
      else {
        throw LaunchArguments.refusal(
          "-H \(option): `\(part)` is not a host, or a host and its slots like node1:4")
      }
      add(String(words[0]), slots: slots)
    }
  }

  /// Adds the lines of a host file: a name, and perhaps `slots=4`; `#` begins a comment.
  mutating func add(file: String) throws(FailureReport) {
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
      throw FailureReport(
        message: "\(file): the host file cannot be read; check the path", exitCode: 74, rank: 0)
    }
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
      guard let name = words.first else { continue }
      var slots = 1
      if let word = words.dropFirst().first(where: { $0.hasPrefix("slots=") }) {
        // bounded: of a text, nil where it is none; a constant
        guard let number = Int(word.dropFirst(6)), (1...Self.largestSlots).contains(number) else {
          throw FailureReport(
            message: "\(file): `\(word)` of \(name) is not 1 to \(Self.largestSlots) slots",
            exitCode: 65, rank: 0)
        }
        slots = number
      }
      add(String(name), slots: slots)
    }
  }

  private mutating func add(_ name: String, slots: Int) {
    if let known = hosts.firstIndex(where: { $0.name == name }) {
      hosts[known].slots += slots  // bounded: an index of the hosts, and at most 2²⁰ a line
    } else {
      hosts.append(Host(name: name, slots: slots))
    }
  }

  /// More ranks than any job has; sums of them do not overflow.
  private static let largestSlots = 1 << 20

  /// Those whose names are in `names`.
  func keeping(_ names: Set<String>) -> HostList {
    var kept = self
    kept.hosts.removeAll { !names.contains($0.name) }
    return kept
  }
}

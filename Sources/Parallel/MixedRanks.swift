public import MessagePassing

/// Ranks that would not compute the same bits, and in what they differ.
public struct MixedRanks: LinedError, Equatable, Sendable, CustomStringConvertible {
  /// What was compared.
  public enum Subject: Sendable {
    /// Processor, libraries, program, environment.
    case machine
    /// The command and its options.
    case arguments
    case recipe
    /// The checkpoint that the run takes weights from.
    case weights
  }

  /// A fact that is not the same everywhere: its values, and the ranks that have each.
  public struct Difference: Equatable, Sendable {
    public var fact: String
    public var values: [(value: String, ranks: [Int])]

    public static func == (a: Self, b: Self) -> Bool {
      a.fact == b.fact
        && a.values.elementsEqual(b.values) { $0.value == $1.value && $0.ranks == $1.ranks }
    }
  }

  public var subject: Subject
  public var differences: [Difference]
  public var hosts: [String]

  /// A sentence, then a line per fact and value.
  public var lines: [String] {
    let facts = differences.map(\.fact).joined(separator: ", ")
    let sentence =
      switch subject {
      case .machine:
        "the ranks differ in \(facts), so they cannot compute the same bits; start them on equal "
          + "nodes with the same program, or add --allow-mixed"
      case .arguments:
        "the ranks were started with different commands or options (\(facts)); start all ranks with the same command"
      case .recipe:
        "the ranks have different recipes (\(facts)); start all ranks with the same recipe file and the same --set"
      case .weights:
        "the ranks would begin with different weights (\(facts)); put the checkpoint on a file system that all hosts see"
      }
    var lines = [sentence]
    for difference in differences {
      for (value, ranks) in difference.values {
        lines.append("  \(difference.fact): \(value) on \(Self.places(ranks, hosts: hosts))")
      }
    }
    return lines
  }

  public var description: String { lines.joined(separator: "\n") }

  /// `ranks 0 (node1), 2 (node3)`; the first sixteen of them by name.
  private static func places(_ ranks: [Int], hosts: [String]) -> String {
    let names = ranks.prefix(16).map { "\($0) (\(hosts[$0]))" }.joined(separator: ", ")
    let rest = ranks.count > 16 ? " and \(ranks.count - 16) more" : ""
    return "\(ranks.count == 1 ? "rank" : "ranks") \(names)\(rest)"
  }

  /// - Parameter facts: per rank, names and values; a name occurs once.
  /// - Returns: `nil` where all are the same.
  public init?(
    comparing facts: [[(name: String, value: String)]], hosts: [String],
    of subject: Subject = .machine
  ) {
    var names: [String] = []
    var seen: Set<String> = []
    let values = facts.map { own in
      Dictionary(own.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    }
    for own in facts {
      for fact in own where seen.insert(fact.name).inserted { names.append(fact.name) }
    }
    var found: [Difference] = []
    for name in names {
      var groups: [(value: String, ranks: [Int])] = []
      for (rank, own) in values.enumerated() {
        let value = own[name] ?? "none"
        if let known = groups.firstIndex(where: { $0.value == value }) {
          groups[known].ranks.append(rank)
        } else {
          groups.append((value, [rank]))
        }
      }
      if groups.count > 1 { found.append(Difference(fact: name, values: groups)) }
    }
    guard !found.isEmpty else { return nil }
    self.subject = subject
    differences = found
    self.hosts = hosts
  }
}

/// Compares `facts`, on which a rank's bits depend, over all ranks.
///
/// Names and values hold no zero bytes.
///
/// *Collective.* *Throws* the same `MixedRanks`, or `MPIError`, on every rank.
public func compare(
  _ facts: [(name: String, value: String)], of subject: MixedRanks.Subject = .machine,
  communicator: Communicator
) throws {
  if communicator.size == 1 { return }
  let text = facts.map { "\($0.name)\0\($0.value)" }.joined(separator: "\0")
  let texts = try communicator.allGather(Array(text.utf8))
  // Every rank sees the same texts, so all of them go on here or none.
  if texts.allSatisfy({ $0 == texts[0] }) { return }
  let all = texts.map { text -> [(name: String, value: String)] in
    let parts = text.split(separator: 0, omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
    return stride(from: 0, to: parts.count - 1, by: 2).map { (parts[$0], parts[$0 + 1]) }
  }
  let hosts = try communicator.hostNames()
  if let mixed = MixedRanks(comparing: all, hosts: hosts, of: subject) { throw mixed }
}

extension Communicator {
  /// The host of every rank.
  ///
  /// *Collective.*
  public func hostNames() throws(MPIError) -> [String] {
    try allGather(Array(hostName.utf8)).map { String(decoding: $0, as: UTF8.self) }
  }
}

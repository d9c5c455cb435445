public import MessagePassing

/// Ranks that cannot compute the same bits, and in what they differ.
public struct MixedRanks: LinedError, Equatable, Sendable, CustomStringConvertible {
  /// A fact that is not the same everywhere: its values, and the ranks that have each.
  public struct Difference: Equatable, Sendable {
    public var fact: String
    public var values: [(value: String, ranks: [Int])]

    public static func == (a: Self, b: Self) -> Bool {
      a.fact == b.fact
        && a.values.elementsEqual(b.values) { $0.value == $1.value && $0.ranks == $1.ranks }
    }
  }

  public var differences: [Difference]
  public var hosts: [String]

  /// A sentence, then a line per fact and value.
  public var lines: [String] {
    var lines = [
      "the ranks differ in \(differences.map(\.fact).joined(separator: ", ")), so they cannot compute "
        + "the same bits; start them on equal nodes with the same program, or add --allow-mixed"
    ]
    for difference in differences {
      for (value, ranks) in difference.values {
        let places = ranks.map { "\($0) (\(hosts[$0]))" }.joined(separator: ", ")
        lines.append(
          "  \(difference.fact): \(value) on \(ranks.count == 1 ? "rank" : "ranks") \(places)")
      }
    }
    return lines
  }

  public var description: String { lines.joined(separator: "\n") }

  /// - Parameter facts: per rank, the same names in the same order.
  /// - Returns: `nil` where all are the same.
  public init?(comparing facts: [[(name: String, value: String)]], hosts: [String]) {
    var found: [Difference] = []
    for (index, fact) in facts[0].enumerated() {
      var values: [(value: String, ranks: [Int])] = []
      for (rank, own) in facts.enumerated() {
        let value = own.count > index && own[index].name == fact.name ? own[index].value : "unknown"
        if let known = values.firstIndex(where: { $0.value == value }) {
          values[known].ranks.append(rank)
        } else {
          values.append((value, [rank]))
        }
      }
      if values.count > 1 { found.append(Difference(fact: fact.name, values: values)) }
    }
    guard !found.isEmpty else { return nil }
    differences = found
    self.hosts = hosts
  }
}

/// Compares `facts`, on which a rank's bits depend besides recipe and data, over all ranks.
///
/// Names and values hold no line ends or tabulators.
///
/// *Collective.* *Throws* the same `MixedRanks`, or `MPIError`, on every rank.
public func compare(_ facts: [(name: String, value: String)], communicator: Communicator) throws {
  let text = facts.map { "\($0.name)\t\($0.value)" }.joined(separator: "\n")
  let texts = try communicator.allGather(Array(text.utf8)).map {
    String(decoding: $0, as: UTF8.self)
  }
  let hosts = try communicator.allGather(Array(communicator.hostName.utf8)).map {
    String(decoding: $0, as: UTF8.self)
  }
  let all = texts.map { text in
    text.split(separator: "\n").map { line -> (name: String, value: String) in
      let parts = line.split(separator: "\t", maxSplits: 1).map(String.init)
      return (parts[0], parts.count > 1 ? parts[1] : "")
    }
  }
  if let mixed = MixedRanks(comparing: all, hosts: hosts) { throw mixed }
}

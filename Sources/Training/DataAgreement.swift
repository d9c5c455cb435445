import Datasets
import Foundation
import MessagePassing
import Parallel

/// Reads data on every rank and compares what they see.
///
/// - Parameters:
///   - read: reads this rank's data. Must not communicate.
///   - facts: what of the splits read is compared, with their names in sentences.
/// - Returns: what `read` gives.
/// - Throws: the same report on every rank: that of `read` where it throws, `DifferentData` where ranks
///   see different data.
///
/// *Collective.*
func readAlike<Result>(
  _ communicator: Communicator, _ read: () throws(DataError) -> Result,
  facts: (Result) -> [(split: String, facts: DatasetFacts)]
) throws(FailureReport) -> Result {
  let result = try communicator.togetherOrNamed("read the data", exitCode: exitCode, read)
  try communicator.reporting { try compareData(facts(result), communicator: communicator) }
  return result
}

/// *Collective.* *Throws* the same `DifferentData`, or `MPIError`, on every rank.
private func compareData(
  _ own: [(split: String, facts: DatasetFacts)], communicator: Communicator
) throws {
  guard communicator.size > 1 else { return }
  let fingerprint = own.map { "\($0.split) \($0.facts.fingerprint)" }.joined(separator: "\n")
  let fingerprints = try communicator.allGather(Array(fingerprint.utf8))
  // Every rank sees the same, so all of them go on here or none.
  guard fingerprints.contains(where: { $0 != fingerprints[0] }) else { return }
  let reference = majority(fingerprints)
  let hosts = try communicator.hostNames()
  // All ranks learn what one of the many sees, and each that differs says how.
  var finding = ""
  let agreeing = fingerprints.count { $0 == fingerprints[reference] }
  for (split, facts) in own {
    var bytes = try Array(JSONEncoder().encode(facts))
    try communicator.broadcast(bytes: &bytes, root: reference)
    guard fingerprints[communicator.rank] != fingerprints[reference] else { continue }
    let theirs = try JSONDecoder().decode(DatasetFacts.self, from: Foundation.Data(bytes))
    let words = DatasetWords(
      split: split, we: "rank \(communicator.rank) (\(hosts[communicator.rank]))",
      they: agreeing > 1 ? "most ranks" : "rank \(reference) (\(hosts[reference]))")
    guard facts.fingerprint != theirs.fingerprint else { continue }
    var clauses = facts.summary.clauses(against: theirs.summary, words)
    if let first = facts.firstDifference(from: theirs, words) {
      clauses.append(
        clauses.isEmpty ? "\(words.we) differs from \(words.they): \(first)" : first)
    }
    if facts.leftOut.count != theirs.leftOut.count {
      let item = facts.leftOut.first ?? theirs.leftOut.first
      let example = item.map { " (\($0.place): \($0.reason))" } ?? ""
      clauses.append(
        "\(words.we) left out \(facts.leftOut.count) with --skip-bad, \(words.they) "
          + "\(theirs.leftOut.count)\(example)")
    }
    finding += (finding.isEmpty ? "" : "; ") + clauses.joined(separator: "; ")
  }
  let findings = try communicator.allGather(Array(finding.utf8))
  throw DifferentData(
    findings: findings.filter { !$0.isEmpty }.map { String(decoding: $0, as: UTF8.self) })
}

/// The lowest index of the most frequent value.
private func majority(_ values: [[UInt8]]) -> Int {
  var (best, most) = (0, 0)
  for (index, value) in values.enumerated() {
    let count = values.count { $0 == value }
    if count > most { (best, most) = (index, count) }
  }
  return best
}

extension Communicator {
  /// Makes a report of what `body` throws, which throws the same on every rank.
  func reporting<Result>(_ body: () throws -> Result) throws(FailureReport) -> Result {
    do { return try body() } catch let report as FailureReport {
      throw report
    } catch let error as MPIError {
      throw FailureReport(error, rank: rank)
    } catch {
      throw FailureReport(error, exitCode: exitCode(error), rank: rank)
    }
  }
}

public import MessagePassing

/// The ranks do not hold the same bits.
public enum Disagreement: Error, Equatable, Sendable, CustomStringConvertible {
  /// `ranks`, on `hosts`, hold another `subject` than most ranks.
  case differs(subject: String, ranks: [Int], hosts: [String], worldSize: Int)
  /// The ranks could not be asked.
  case notComparable(MPIError)

  public var description: String {
    switch self {
    case .differs(let subject, let ranks, let hosts, let worldSize):
      let names = zip(ranks, hosts).map { "\($0) (\($1))" }.joined(separator: ", ")
      let ranksAre = ranks.count == 1 ? "rank" : "ranks"
      return "The \(subject) on \(ranksAre) \(names) of \(worldSize) is not the same as on the "
        + "others; look for another CPU type, library version or thread count, or "
        + "faulty memory there, then resume from the last checkpoint."
    case .notComparable(let error):
      return error.description
    }
  }
}

/// Compares `hash`, that of the bits of `subject`, over all ranks.
///
/// The value most ranks hold is taken as right; among equally frequent ones, that of the lowest
/// rank.
///
/// *Collective.* *Throws* the same `Disagreement` on every rank if any rank's differs.
public func agree(
  on hash: UInt64, of subject: String = "training state", communicator: Communicator
) throws(Disagreement) {
  let hashes: [UInt64]
  do {
    hashes = try communicator.allGather(hash)
  } catch {
    throw .notComparable(error)
  }
  let ranks = minority(hashes)
  if ranks.isEmpty { return }

  let hosts: [[UInt8]]
  do {
    hosts = try communicator.allGather(Array(communicator.hostName.utf8))
  } catch {
    throw .notComparable(error)
  }
  throw .differs(
    subject: subject, ranks: ranks,
    hosts: ranks.map { String(decoding: hosts[$0], as: UTF8.self) }, worldSize: hashes.count)
}

/// The ranks whose value is not the most frequent one; among equally frequent ones the lowest
/// rank's wins.
func minority(_ hashes: [UInt64]) -> [Int] {
  var (right, most) = (hashes[0], 0)
  for hash in hashes {
    let count = hashes.count { $0 == hash }
    if count > most { (right, most) = (hash, count) }
  }
  return hashes.indices.filter { hashes[$0] != right }
}

/// Whom the ranks that wait are waiting for.
package enum HangVerdict: Equatable {
  /// These have said nothing for a while: frozen, gone, or cut off.
  case silent([Int])
  /// These run, but have got stuck before the point where the others wait.
  case stuck([Int])
  /// All wait in MPI at the same point, so messages between them are lost.
  case allWait

  /// Decides from what each rank said last, as one that itself has got no further for `limit`
  /// seconds.
  ///
  /// - Parameters:
  ///   - statuses: one per rank; `nil` where nothing can be known.
  ///   - isSilent: whose beat has stood still.
  /// - Returns: `nil` as long as a rank that is behind makes progress.
  package static func judge(_ statuses: [RankStatus?], isSilent: [Bool], limit: Double)
    -> HangVerdict?
  {
    let silent = statuses.indices.filter { isSilent[$0] }
    if !silent.isEmpty { return .silent(silent) }
    let known = statuses.compactMap { $0 }
    guard let lowest = known.map(\.mark).min(), let highest = known.map(\.mark).max() else {
      return .allWait
    }
    let last = known.filter { $0.mark == lowest }
    let busy = last.filter { $0.call == nil }
    // Those at work; where all of the last ones wait too, they themselves, unless that is everybody.
    let suspects = busy.isEmpty ? last : busy
    if suspects.contains(where: { $0.seconds < limit }) { return nil }
    return busy.isEmpty && lowest == highest ? .allWait : .stuck(suspects.map(\.rank))
  }

  /// Whom the verdict names.
  var suspects: [Int] {
    switch self {
    case .silent(let ranks), .stuck(let ranks): ranks
    case .allWait: []
    }
  }

  /// One sentence, then what each rank was last doing.
  package func report(_ statuses: [RankStatus?], hosts: [String], limit: Double) -> String {
    func names(_ ranks: [Int]) -> String {
      (ranks.count == 1 ? "rank " : "ranks ")
        + ranks.map { "\($0) (\(hosts[$0]))" }.joined(separator: ", ")
    }
    let sentence =
      switch self {
      case .silent(let ranks):
        "\(names(ranks)) gave no sign of life while the others waited \(tenths(limit)) s; look for "
          + "a frozen or killed process, a host that is down or a cut network there, then resume "
          + "from the last checkpoint (`edgewise launch` does)"
      case .stuck(let ranks):
        "\(names(ranks)) got no further for \(tenths(limit)) s while the others waited; look at "
          + "what it was doing (below), raise `limits.hangSeconds` if that may take so long, and "
          + "resume from the last checkpoint"
      case .allWait:
        "all ranks wait for messages for \(tenths(limit)) s; look at the network between "
          + "\(Set(hosts).sorted().joined(separator: ", ")), then resume from the last checkpoint"
      }
    let lines = statuses.enumerated().map { rank, status in
      "  " + (status?.text ?? "rank \(rank) (\(hosts[rank])): nothing is known of it")
    }
    return ([sentence] + lines).joined(separator: "\n")
  }
}

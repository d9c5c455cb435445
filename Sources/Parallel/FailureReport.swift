public import MessagePassing

/// An error that says more than a sentence: each of its lines is shown on a line of its own, and a line
/// feed within one is no end of it. All other errors are shown on one line.
public protocol LinedError: Error {
  /// The sentence, then what belongs to it.
  var lines: [String] { get }
}

/// What went wrong on one rank, as every rank learns it.
///
/// Whoever prints it does so on one rank alone, for example rank 0.
public struct FailureReport: LinedError, Equatable, Sendable, CustomStringConvertible {
  /// One sentence for the user.
  public var message: String
  /// Lines under the sentence: a table, a list.
  public var details: [String]
  public var exitCode: Int32
  /// Where it happened.
  public var rank: Int

  public init(message: String, details: [String] = [], exitCode: Int32, rank: Int) {
    self.message = message
    self.details = details
    self.exitCode = exitCode
    self.rank = rank
  }

  public var lines: [String] { [message] + details }
  public var description: String { lines.joined(separator: "\n") }

  /// The exit code of a rank that has lost the others: start the job again, from its last checkpoint.
  public static let lostRankExitCode: Int32 = 71

  /// What any error says, with the lines that it has.
  public init(_ error: any Error, exitCode: Int32, rank: Int) {
    let lines = (error as? any LinedError)?.lines ?? ["\(error)"]
    self.init(
      message: lines.first ?? "", details: Array(lines.dropFirst()), exitCode: exitCode, rank: rank)
  }

  /// A failure of MPI, which the other ranks cannot be told.
  public init(_ error: MPIError, rank: Int) {
    self.init(message: error.description, exitCode: Self.lostRankExitCode, rank: rank)
  }
}

extension Communicator {
  /// Throws the same report on every rank if any rank brings one: that of the lowest such rank.
  ///
  /// Costs one small `allReduce` while nothing has failed. A failure of MPI itself becomes a report
  /// too.
  ///
  /// *Collective:* called at points all ranks agreed on.
  public func throwTogether(_ local: FailureReport?) throws(FailureReport) {
    do {
      var failed: Int32 = local == nil ? 0 : 1
      try allReduce(&failed, count: 1, .maximum)
      guard failed != 0 else { return }
    } catch {
      throw local ?? FailureReport(error, rank: rank)
    }
    let all: [[UInt8]]
    do {
      // Exit code, then the lines; nothing where nothing failed.
      all = try allGather(local.map { encode($0) } ?? [])
    } catch {
      throw local ?? FailureReport(error, rank: rank)
    }
    for (origin, bytes) in all.enumerated() where !bytes.isEmpty {
      throw decode(bytes, rank: origin)
    }
  }

  /// Runs `body` on every rank and gives its result, or throws the same report on all ranks if it
  /// throws on any.
  ///
  /// `body` must not communicate where it may have thrown on another rank before. `exitCode` is
  /// asked for the exit code of an error other than a `FailureReport`.
  ///
  /// *Collective.*
  public func together<Result>(
    exitCode: (any Error) -> Int32 = { _ in 1 }, _ body: () throws -> Result
  ) throws(FailureReport) -> Result {
    let result: Result?
    let failure: FailureReport?
    do {
      result = try body()
      failure = nil
    } catch let report as FailureReport {
      result = nil
      failure = report
    } catch {
      result = nil
      failure = FailureReport(error, exitCode: exitCode(error), rank: rank)
    }
    try throwTogether(failure)
    guard let result else { preconditionFailure("a failure of this rank was not thrown") }
    return result
  }

  /// As `together`, for what should succeed or fail on all ranks alike, such as reading a file: where it
  /// fails on some alone, the report says on which.
  ///
  /// - Parameter what: completes "rank 1 (node2) cannot".
  ///
  /// *Collective.*
  public func togetherOrNamed<Result>(
    _ what: String, exitCode: (any Error) -> Int32 = { _ in 1 }, _ body: () throws -> Result
  ) throws(FailureReport) -> Result {
    var outcome: Swift.Result<Result, FailureReport>
    do { outcome = .success(try body()) } catch let report as FailureReport {
      outcome = .failure(report)
    } catch {
      outcome = .failure(
        FailureReport(error, exitCode: exitCode(error), rank: rank))
    }
    do {
      let own = if case .failure(let report) = outcome { encode(report) } else { [UInt8]() }
      let all = try allGather(own)
      let failing = all.indices.filter { !all[$0].isEmpty }
      if let first = failing.first {
        var report = decode(all[first], rank: first)
        if failing.count < size {
          let hosts = try allGather(Array(hostName.utf8))
          let names = failing.prefix(8).map {
            "\($0) (\(String(decoding: hosts[$0], as: UTF8.self)))"
          }
          let more = failing.count > 8 ? " and \(failing.count - 8) more" : ""
          report.message =
            "\(failing.count == 1 ? "rank" : "ranks") \(names.joined(separator: ", "))\(more) cannot \(what), the others can: \(report.message)"
        }
        outcome = .failure(report)
      }
    } catch {
      throw FailureReport(error, rank: rank)
    }
    return try outcome.get()
  }

  /// The text that `body` gives on rank 0, on every rank; the other ranks do not run it.
  ///
  /// *Collective.* *Throws* like `together`.
  public func decidedOnRank0(
    exitCode: (any Error) -> Int32 = { _ in 1 }, _ body: () throws -> String
  ) throws(FailureReport) -> String {
    let text = try together(exitCode: exitCode) { rank == 0 ? try body() : "" }
    var bytes = Array(text.utf8)
    do { try broadcast(bytes: &bytes, root: 0) } catch {
      throw FailureReport(error, rank: rank)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

private func encode(_ report: FailureReport) -> [UInt8] {
  withUnsafeBytes(of: report.exitCode.littleEndian) { Array($0) }
    + report.lines.map { Array($0.utf8) }.joined(separator: [lineEnd])
}

/// Stands between two lines: no UTF-8 has this byte.
private let lineEnd: UInt8 = 0xFF

private func decode(_ bytes: [UInt8], rank: Int) -> FailureReport {
  var code: UInt32 = 0
  for byte in bytes.prefix(4).reversed() { code = code << 8 | UInt32(byte) }
  let lines = bytes.dropFirst(4).split(separator: lineEnd, omittingEmptySubsequences: false)
    .map { String(decoding: $0, as: UTF8.self) }
  return FailureReport(
    message: lines.first ?? "", details: Array(lines.dropFirst()),
    exitCode: Int32(bitPattern: code), rank: rank)
}

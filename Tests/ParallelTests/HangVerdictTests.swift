import Parallel
import Testing

@Suite struct HangVerdictTests {
  private func status(
    _ rank: Int, mark: Int, seconds: Double, call: String? = nil, activity: Activity = .reducing
  ) -> RankStatus {
    RankStatus(
      rank: rank, host: "node\(rank)", process: 100 + Int32(rank), beat: 7, mark: mark,
      activity: activity, step: 40, seconds: seconds, call: call)
  }

  private let hosts = ["node0", "node1", "node2"]

  @Test func `a rank that says nothing any more is named, whatever the others do`() {
    let statuses = [
      status(0, mark: 9, seconds: 5, call: "MPI_Waitall"), status(1, mark: 8, seconds: 0.1), nil,
    ]
    let verdict = HangVerdict.judge(statuses, isSilent: [false, true, false], limit: 4)
    #expect(verdict == .silent([1]))
    let report = verdict?.report(statuses, hosts: hosts, limit: 4) ?? ""
    let lines = report.split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines.first?.hasPrefix("rank 1 (node1) gave no sign of life") == true)
    #expect(lines[1].contains("rank 0 (node0, process 100) was summing gradients"))
    #expect(lines[1].contains("at step 40, inside MPI_Waitall, for 5.0 s"))
    #expect(lines[3].contains("rank 2 (node2): nothing is known of it"))
  }

  @Test func `a rank that is behind and works on is waited for, one that is stuck is named`() {
    func judge(_ seconds: Double) -> HangVerdict? {
      HangVerdict.judge(
        [
          status(0, mark: 9, seconds: 5, call: "MPI_Waitall"),
          status(1, mark: 8, seconds: seconds, activity: .computing),
          status(2, mark: 9, seconds: 5, call: "MPI_Waitall"),
        ], isSilent: [false, false, false], limit: 4)
    }
    #expect(judge(3.9) == nil)
    #expect(judge(4.1) == .stuck([1]))
  }

  @Test func `at the same point those outside of MPI are the ones waited for`() {
    let statuses = [
      status(0, mark: 9, seconds: 5, activity: .saving),
      status(1, mark: 9, seconds: 5, call: "MPI_Allreduce", activity: .saving),
    ]
    #expect(HangVerdict.judge(statuses, isSilent: [false, false], limit: 4) == .stuck([0]))
  }

  @Test func `if all wait in MPI at the same point the network is in question`() {
    let statuses = (0..<3).map { status($0, mark: 9, seconds: 5, call: "MPI_Waitall") }
    let verdict = HangVerdict.judge(statuses, isSilent: [false, false, false], limit: 4)
    #expect(verdict == .allWait)
    #expect(verdict?.report(statuses, hosts: hosts, limit: 4).contains("network") == true)
  }

  @Test func `a line reads back as the same status and half of an older one as none`() {
    let whole = status(3, mark: 12, seconds: 1.5, call: "MPI_Waitall", activity: .evaluating)
    #expect(RankStatus(line: whole.line) == whole)
    let padded = whole.line.dropLast() + "      \n"
    #expect(RankStatus(line: String(padded)) == whole)
    var older = whole
    older.beat = 6
    for cut in 1..<whole.line.count {
      let torn = String(whole.line.prefix(cut)) + String(older.line.dropFirst(cut))
      if let read = RankStatus(line: torn) { #expect(read == whole || read == older) }
      #expect(RankStatus(line: String(whole.line.prefix(cut))) == nil)
    }
  }

  @Test func `minimum, median and maximum over ranks, and whose the maximum is`() {
    let times = RankTimes([0.3, 0.1, 0.9, 0.2])
    #expect(times.minimum == 0.1 && times.median == 0.25 && times.maximum == 0.9)
    #expect(times.slowest == 2 && times.hasStraggler)
    #expect(!RankTimes([0.2, 0.21]).hasStraggler)
  }
}

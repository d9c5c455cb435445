import ArgumentParser
import Foundation
import Glibc
import MessagePassing
import Parallel
import Reporting
import Training
import WeightFiles

/// Runs a command's work and ends the program as its errors ask for.
///
/// An error is one sentence on standard error, printed by rank 0 where all ranks know it.
func ending(_ communicator: Communicator? = nil, _ work: () throws -> Void) throws {
  do {
    try work()
  } catch let code as ExitCode {
    try? communicator?.finalize()
    throw code
  } catch {
    if code(of: error) == FailureReport.lostRankExitCode, let communicator {
      // The others cannot be told, nor waited for.
      abandon(
        communicator, code: FailureReport.lostRankExitCode,
        "\(lostRankMark)rank \(communicator.rank) (\(communicator.hostName)): \(error)")
    }
    if communicator?.rank ?? 0 == 0 { complain("\(error)") }
    try? communicator?.finalize()
    throw ExitCode(code(of: error))
  }
  try? communicator?.finalize()
}

/// The program's exit code for an error of any target.
private func code(of error: any Error) -> Int32 {
  if let error = error as? WeightFileError {
    if case .system = error { return 74 }
    return 65
  }
  return switch error as? ReportError {
  case .cannotRead, .cannotWrite: 74
  case .foreignHeader, .damagedRow: 65
  case nil: Training.exitCode(error)
  }
}

/// Begins the sentence of a rank that ends the job because another is lost; `launch` looks for it.
let lostRankMark = "a rank is lost: "

/// Says why and ends all ranks at once; this process in any case, even if MPI cannot reach anybody.
func abandon(_ communicator: Communicator, code: Int32, _ sentence: String) -> Never {
  complain(sentence)
  // Its default action ends the process.
  signal(SIGALRM, SIG_DFL)
  alarm(5)
  communicator.abort(code: code)
}

/// One sentence on standard error.
func complain(_ sentence: String) {
  FileHandle.standardError.write(Data("edgewise: \(sentence)\n".utf8))
}

/// The ranks of this job; ends the program with a sentence where MPI cannot start.
func startedCommunicator() throws -> Communicator {
  do {
    return try Communicator.world()
  } catch {
    complain("\(error)")
    throw ExitCode(1)
  }
}

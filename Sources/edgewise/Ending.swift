import ArgumentParser
import Foundation
import Glibc
import MessagePassing
import Parallel
import Reporting
import Texts
import Training
import WeightFiles

/// Runs a command's work and ends the program as its errors ask for.
///
/// An error is one sentence on standard error, printed by rank 0 where all ranks know it.
func ending(_ communicator: Communicator? = nil, _ work: () throws -> Void) throws {
  do {
    try work()
  } catch let code as ExitCode {
    // What was found is told by the results, and the code repeats it.
    let lost = StandardOutput.lostResults()
    try? communicator?.finalize()
    throw lost.map { ExitCode($0) } ?? code
  } catch {
    if code(of: error) == FailureReport.lostRankExitCode, let communicator {
      // The others cannot be told, nor waited for.
      abandon(
        communicator, code: FailureReport.lostRankExitCode,
        "\(lostRankMark)rank \(communicator.rank) (\(communicator.hostName)): \(error)")
    }
    if communicator?.rank ?? 0 == 0 { complain(error) }
    try? communicator?.finalize()
    throw ExitCode(code(of: error))
  }
  let lost = StandardOutput.lostResults()
  try? communicator?.finalize()
  if let lost { throw ExitCode(lost) }
}

/// The program's exit code for an error of any target.
func code(of error: any Error) -> Int32 {
  if error is CocoaError { return 74 }
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

/// One sentence on standard error, on one line whatever names it holds.
func complain(_ sentence: String) {
  StandardError.write("edgewise: \(printable(sentence))\n")
}

/// An error's sentence on standard error, and under it the lines that belong to it.
func complain(_ error: any Error) {
  let lines =
    (error as? any LinedError)?.lines ?? [(error as? CocoaError).map(sentence) ?? "\(error)"]
  StandardError.write("edgewise: " + lines.map { printable($0) + "\n" }.joined())
}

/// What Foundation says of a file, without the codes of its description.
private func sentence(_ error: CocoaError) -> String {
  let reason = error.underlying?.localizedDescription ?? error.localizedDescription
  return (error.filePath.map { "\($0): " } ?? "")
    + "the file or folder cannot be used (\(reason)); check the path and its permissions"
}

/// The ranks of this job; ends the program with a sentence where MPI cannot start.
func startedCommunicator() throws -> Communicator {
  let communicator: Communicator
  do {
    communicator = try Communicator.world()
  } catch {
    complain(error)
    throw ExitCode(1)
  }
  do { try compareCommands(communicator) } catch {
    try ending(communicator) { throw error }
  }
  return communicator
}

/// Refuses ranks that were started with different commands, or a command with different options: they
/// would wait for each other for ever, or mix two results into one.
///
/// `train` compares its options itself, by name; values of `--set` are compared key by key with the recipe.
///
/// *Collective.* *Throws* the same `MixedRanks`, or `MPIError`, on every rank.
private func compareCommands(_ communicator: Communicator) throws {
  var words = Array(CommandLine.arguments.dropFirst())
  let command = words.isEmpty ? "" : words.removeFirst()
  var options: [String] = []
  while !words.isEmpty {
    let word = words.removeFirst()
    if word.hasPrefix("--set=") { continue }
    if word == "--set" {
      words = Array(words.dropFirst())
    } else {
      options.append(word)
    }
  }
  var facts = [(name: "command", value: command)]
  if command != "train" { facts.append(("options", options.joined(separator: " "))) }
  try compare(facts, of: .arguments, communicator: communicator)
}

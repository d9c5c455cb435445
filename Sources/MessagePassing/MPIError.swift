import CMPI

/// Why a call to MPI, or the start of a job under it, failed.
public enum MPIError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The C function `function` returned another code than `MPI_SUCCESS`; `text` is the library's
  /// own wording of the error class.
  case callFailed(function: String, code: Int32, text: String)
  /// The library was started, but grants fewer threads than one that is not alone in its process.
  case threadLevelTooLow(granted: ThreadLevel)
  /// The launcher started another number of tasks than the library can see.
  case worldIncomplete(launched: Int, seen: Int)
  /// MPI was finished in this process, and cannot be started a second time.
  case alreadyFinished

  public var description: String {
    switch self {
    case .callFailed(let function, let code, let text):
      "\(function) failed with code \(code) (\(text)); look for the first rank or host that "
        + "reported trouble, then start the job again."
    case .threadLevelTooLow(let granted):
      "MPI grants the thread level \(granted), but at least \(ThreadLevel.funneled) is needed; "
        + "use an MPI library built with thread support."
    case .worldIncomplete(let launched, let seen):
      "The launcher started \(launched) tasks, but MPI sees \(seen); start with `mpirun`, or with "
        + "`srun --mpi=pmix` if this MPI library supports it."
    case .alreadyFinished:
      "MPI was already finished in this process; ask for the communicator before `finalize()`."
    }
  }
}

/// Makes a call to the C function named `function` and turns its return code into an error.
func check(_ call: @autoclosure () -> Int32, _ function: StaticString) throws(MPIError) {
  CallUnderWay.enter(function)
  let code = call()
  CallUnderWay.leave()
  guard code != MPI_SUCCESS else { return }
  var text = [CChar](repeating: 0, count: Int(MPI_MAX_ERROR_STRING) + 1)
  var length: Int32 = 0
  let hasText = MPI_Error_string(code, &text, &length) == MPI_SUCCESS
  let bytes = text.prefix(hasText ? Int(length) : 0).map { UInt8(bitPattern: $0) }
  throw .callFailed(
    function: "\(function)", code: code,
    text: hasText ? String(decoding: bytes, as: UTF8.self) : "no description")
}

import COneDNN

/// A call to oneDNN that failed, or a network the engine cannot run.
public struct EngineError: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String

  public init(_ description: String) { self.description = description }
}

/// Turns a status of oneDNN into a thrown error that names the call.
func check(_ status: dnnl_status_t, _ call: String) throws(EngineError) {
  guard status != dnnl_success else { return }
  let word = String(cString: dnnl_status2str(status))
  throw EngineError("oneDNN's \(call) failed: \(word)")
}

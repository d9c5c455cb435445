import Checkpoints
import Parallel
import Training

/// How long the operations of a network took: a document of `edgewise bench ops --json`.
struct OperationTimes {
  let path: String
  private let rows: [(name: String, seconds: Double)]

  /// - Parameter size: side of the pictures that the times must be of.
  /// - Throws: a sentence, where the file is none or of another size.
  init(path: String, size: Int) throws {
    self.path = path
    func refused(_ reason: String) -> FailureReport {
      FailureReport(
        message:
          "\(path) does not say how long layers take (\(reason)); write it with edgewise bench ops --mode qat --size \(size) --json",
        exitCode: 65, rank: 0)
    }
    let bytes = try readWhole(path)
    guard let document = try? JSONValue(parsing: bytes) else {
      throw refused("it is no JSON document")
    }
    guard let operations = document["ops"]?.array else { throw refused("it has no list `ops`") }
    if let other = document["size"]?.int, other != size {
      throw refused("it is of pictures of \(other) pixels, the checkpoint takes \(size)")
    }
    rows = try operations.enumerated().map { index, row in
      guard let name = row["name"]?.string, let seconds = row["forward_s"]?.double, seconds >= 0,
        seconds.isFinite
      else { throw refused("entry \(index + 1) of `ops` has no name or no forward_s") }
      return (name, seconds)
    }
  }

  /// - Throws: the name of a layer that the file does not have.
  func layerTimes(_ layers: [SensitivityLayer]) throws(FailureReport) -> LayerTimes {
    var missing: String?
    guard let times = LayerTimes(seconds: rows, of: layers, missing: &missing) else {
      throw FailureReport(
        message:
          "\(path) has no time of layer \(missing ?? ""); it is of another model than the checkpoint",
        exitCode: 65, rank: 0)
    }
    return times
  }
}

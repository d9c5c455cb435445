public import Tensors

/// What `show` tells about a checkpoint; `--json` prints its coded form.
public struct CheckpointDescription: Hashable, Sendable, Codable {
  public var path: String
  public var step: Int
  public var epoch: Int
  public var position: Int
  public var metrics: [String: Double]
  public var writer: WriterNote
  public var libraries: [String: String]
  public var rawByteCount: Int
  public var storedByteCount: Int
  public var recipe: JSONValue
  public var state: JSONValue
  public var tensors: [TensorDescription]
}

/// One tensor of a description.
public struct TensorDescription: Hashable, Sendable, Codable {
  public var name: String
  public var role: TensorRole
  public var shape: Shape
  public var dtype: DType
  public var rawByteCount: Int
  public var storedByteCount: Int
  /// Only where it was asked for: it needs the tensor's bytes.
  public var statistics: TensorStatistics?
  /// Only where it was asked for.
  public var histogram: Histogram?
}

extension CheckpointReader {
  /// The checkpoint's description, with the tensors that pass `isIncluded`. Tensors are read only for
  /// statistics and histograms.
  public func description(
    withStatistics: Bool = false, withHistograms: Bool = false,
    where isIncluded: (TensorRecord) -> Bool = { _ in true }
  ) throws(CheckpointError) -> CheckpointDescription {
    let records = manifest.tensors.filter(isIncluded)
    var tensors = records.map { record in
      TensorDescription(
        name: record.name, role: record.role, shape: record.shape, dtype: record.dtype,
        rawByteCount: record.rawByteCount, storedByteCount: record.storedByteCount)
    }
    if withStatistics || withHistograms {
      for (index, survey) in try surveys(of: records).enumerated() {
        tensors[index].statistics = withStatistics ? survey.statistics : nil
        tensors[index].histogram = withHistograms ? survey.histogram : nil
      }
    }
    return CheckpointDescription(
      path: path, step: manifest.step, epoch: manifest.epoch, position: manifest.position,
      metrics: manifest.metrics, writer: manifest.writer, libraries: manifest.libraries,
      rawByteCount: manifest.rawByteCount, storedByteCount: manifest.shardByteCount,
      recipe: manifest.recipe, state: manifest.state, tensors: tensors)
  }
}

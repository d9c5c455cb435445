import Tensors

/// The file formats tensors are extracted to.
public enum ExtractionFormat: String, Hashable, Sendable, CaseIterable {
  /// A JSON header and the raw bytes; read by the `safetensors` package and by those of many frameworks.
  case safetensors
  /// A zip of arrays, read by `numpy.load`.
  case npz
}

/// A tensor of a checkpoint under the name it gets in another file.
public struct ExtractedTensor: Hashable, Sendable {
  public var name: String
  public var record: TensorRecord

  public init(name: String, record: TensorRecord) {
    self.name = name
    self.record = record
  }
}

extension CheckpointReader {
  /// Writes tensors, every checksum compared, to a file of another format: whole or not at all. One
  /// tensor is in memory at a time.
  ///
  /// - Throws: `CheckpointError`; `.unsuitable` for what the format cannot hold.
  /// - Returns: the file's length.
  @discardableResult
  public func extract(
    _ tensors: [ExtractedTensor], as format: ExtractionFormat, to path: String
  ) throws(CheckpointError) -> Int {
    let partial = path + ".partial"
    try removeTree(partial)
    do throws(CheckpointError) {
      let file = try OutputFile(path: partial)
      switch format {
      case .safetensors: try writeSafetensors(tensors, to: file)
      case .npz: try writeNumpyArchive(tensors, to: file, path: path)
      }
      try file.finish()
      try move(partial, to: path)
      return file.byteCount
    } catch {
      try? removeTree(partial)
      throw error
    }
  }
}

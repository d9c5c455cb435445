import Tensors
import Texts

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
    try checkNames(tensors, format, path: path)
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

  /// A name is a file's in an npz, which people unpack, and a key in a safetensors file: it must not lead
  /// out of the archive's folder, and no two may be one.
  private func checkNames(
    _ tensors: [ExtractedTensor], _ format: ExtractionFormat, path: String
  ) throws(CheckpointError) {
    var seen: Set<String> = ["__metadata__"]
    for tensor in tensors {
      let parts = tensor.name.split(separator: "/", omittingEmptySubsequences: false)
      let leads = parts.contains { ["", ".", ".."].contains($0) } || tensor.name.contains("\\")
      guard format == .safetensors || !leads else {
        throw .unsuitable(
          path: path,
          reason: "the tensor \"\(printable(tensor.name))\" would lead out of the archive's folder "
            + "where it is unpacked; use --to safetensors")
      }
      guard seen.insert(tensor.name).inserted else {
        throw .unsuitable(
          path: path,
          reason: "the name \"\(printable(tensor.name))\" stands for two things in it; "
            + "choose fewer tensors with --only and --role")
      }
    }
  }
}

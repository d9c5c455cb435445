/// What a full verification of one checkpoint found.
public struct VerificationReport: Hashable, Sendable, Codable {
  public let path: String
  public let step: Int?
  public let tensorCount: Int
  public let frameCount: Int
  public let rawByteCount: Int
  public let storedByteCount: Int
  /// One sentence each; empty if the checkpoint is whole.
  public var problems: [String]

  public var isWhole: Bool { problems.isEmpty }
}

/// Reads every byte of a checkpoint and compares every checksum. Problems are reported, not thrown.
public func verify(
  path: String, limits: CheckpointLimits = CheckpointLimits(),
  threads: Int = availableProcessorCount
) -> VerificationReport {
  do throws(CheckpointError) {
    let reader = try CheckpointReader(path: path, limits: limits, threads: threads)
    let manifest = reader.manifest
    return VerificationReport(
      path: path, step: manifest.step, tensorCount: manifest.tensors.count,
      frameCount: manifest.tensors.reduce(0) { $0 + $1.frames.count },
      rawByteCount: manifest.rawByteCount, storedByteCount: manifest.shardByteCount,
      problems: reader.problems())
  } catch {
    return VerificationReport(
      path: path, step: nil, tensorCount: 0, frameCount: 0, rawByteCount: 0, storedByteCount: 0,
      problems: [error.description])
  }
}

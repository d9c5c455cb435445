public import Checkpoints

extension CheckpointBenchmark {
  /// Tensors of one role, of those that take a megabyte or more.
  public struct RoleCost: Sendable {
    public var role: TensorRole
    public var rawByteCount, storedByteCount: Int
    /// Processor time; where a tensor is stored as the difference to another, only its own part.
    public var compressSeconds: Double
    /// Processor time; what a tensor is the difference to is read as well.
    public var restoreSeconds: Double
  }

  /// Packs and reads the tensors of each role by themselves, an average with what it is an average of.
  static func roles(
    _ written: CheckpointReader, _ contents: CheckpointContents, writer: CheckpointWriter,
    next: () -> CheckpointContents, repetitions: Int
  ) throws -> [RoleCost] {
    func packing(_ roles: [TensorRole]) throws -> Double {
      let tensors = contents.tensors.filter { roles.contains($0.role) }
      guard !tensors.isEmpty else { return 0 }
      return try processorSeconds(count: repetitions) {
        var part = next()
        part.tensors = tensors
        _ = try writer.write(part)
      }
    }
    let roles = Dictionary(grouping: written.manifest.tensors, by: \.role)
      .filter { $1.reduce(0) { $0 + $1.rawByteCount } >= 1_000_000 }
      .sorted { $0.key.rawValue < $1.key.rawValue }
    // All reading comes first: a checkpoint written later replaces `written`.
    let reading = try roles.map { role, _ in
      try processorSeconds(count: repetitions) { _ = try written.readTensors { $0.role == role } }
    }
    return try zip(roles, reading).map { item, restoreSeconds in
      let (role, records) = item
      let bases = Set(records.compactMap(\.base)).sorted { $0.rawValue < $1.rawValue }
      return RoleCost(
        role: role, rawByteCount: records.reduce(0) { $0 + $1.rawByteCount },
        storedByteCount: records.reduce(0) { $0 + $1.storedByteCount },
        compressSeconds: try packing(bases + [role]) - packing(bases),
        restoreSeconds: restoreSeconds)
    }
  }
}

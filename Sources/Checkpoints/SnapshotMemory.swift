import CStreaming
public import Tensors

/// Memory into which copies of a state are taken, again and again.
///
/// The first copy takes the memory, one block for all tensors; later ones find it there, so that they
/// cost what copying costs and no page is touched for the first time. Where an earlier copy is still in
/// use, a tensor gets new memory instead. Copies go past the caches, which stay with the training.
public struct SnapshotMemory: Sendable {
  private var tensors: [CheckpointTensor] = []

  public init() {}

  /// Copies of the tensors `sources` describes, all of one call in memory of their own.
  public mutating func copy(_ sources: [SnapshotSource]) -> [CheckpointTensor] {
    if !fits(sources) { tensors = Self.tensors(like: sources) }
    for (index, source) in sources.enumerated() {
      tensors[index].tensor.withMutableBytes { target in
        guard let to = target.baseAddress, let from = source.bytes.baseAddress else { return }
        cstreaming_copy(to, from, source.bytes.count)
      }
    }
    cstreaming_fence()
    return tensors
  }

  /// Copies of the tensors of `contents`.
  public mutating func copy(_ contents: CheckpointContents) -> CheckpointContents {
    var result = contents
    withExtendedLifetime(contents) {
      result.tensors = copy(
        contents.tensors.map { item in
          item.tensor.withBytes {
            SnapshotSource(
              name: item.name, role: item.role, shape: item.tensor.shape, dtype: item.tensor.dtype,
              bytes: $0)
          }
        })
    }
    return result
  }

  private static func tensors(like sources: [SnapshotSource]) -> [CheckpointTensor] {
    var starts: [Int] = []
    var end = 0
    for source in sources {
      starts.append(end)
      end += (source.bytes.count + AlignedBuffer.alignment - 1) & -AlignedBuffer.alignment
    }
    let block = AlignedBuffer(byteCount: end)
    return zip(sources, starts).map { source, start in
      let part = AlignedBuffer(part: start..<start + source.bytes.count, of: block)
      return CheckpointTensor(
        name: source.name, role: source.role,
        tensor: Tensor(shape: source.shape, dtype: source.dtype, in: part))
    }
  }

  private func fits(_ sources: [SnapshotSource]) -> Bool {
    tensors.count == sources.count
      && zip(tensors, sources).allSatisfy {
        $0.name == $1.name && $0.role == $1.role && $0.tensor.shape == $1.shape
          && $0.tensor.dtype == $1.dtype
      }
  }
}

/// A tensor in somebody else's memory, about to be copied.
public struct SnapshotSource {
  public var name: String
  public var role: TensorRole
  public var shape: Shape
  public var dtype: DType
  /// As many as shape and type say; they must stay until the copy is made.
  public var bytes: UnsafeRawBufferPointer

  public init(
    name: String, role: TensorRole, shape: Shape, dtype: DType = .float32,
    bytes: UnsafeRawBufferPointer
  ) {
    precondition(
      bytes.count == shape.elementCount * dtype.byteCount, "\(bytes.count) bytes for \(shape)")
    self.name = name
    self.role = role
    self.shape = shape
    self.dtype = dtype
    self.bytes = bytes
  }
}

public import Graphs
import Tensors

/// The numbers of a network in flat memory: learned parameters in one vector, running statistics in
/// another. Plans compute with it, optimizers change it; whoever shares it does so from one thread.
public final class ParameterStore {
  public let layout: ParameterLayout
  private let trainableBuffer: AlignedBuffer
  private let statisticsBuffer: AlignedBuffer

  public init(_ graph: Graph) {
    layout = ParameterLayout(graph)
    trainableBuffer = AlignedBuffer(byteCount: layout.trainableCount * 4)
    statisticsBuffer = AlignedBuffer(byteCount: layout.statisticsCount * 4)
  }

  /// `layout.trainableCount` numbers.
  public var trainable: UnsafeMutablePointer<Float> {
    trainableBuffer.base.assumingMemoryBound(to: Float.self)
  }

  /// `layout.statisticsCount` numbers.
  public var statistics: UnsafeMutablePointer<Float> {
    statisticsBuffer.base.assumingMemoryBound(to: Float.self)
  }

  /// The address of a parameter of the graph this store was made for.
  func address(of parameter: Int, in graph: Graph) -> UnsafeMutablePointer<Float> {
    let base = graph.parameters[parameter].role.isTrainable ? trainable : statistics
    return base + layout.offsets[parameter]
  }

  /// Copies numbers in by name; names that are not in `weights` keep what they hold.
  public func load(_ weights: NamedWeights) {
    for (segments, base) in [(layout.trainable, trainable), (layout.statistics, statistics)] {
      for segment in segments {
        guard let tensor = weights[segment.name] else { continue }
        precondition(
          tensor.shape == segment.shape, "\(segment.name): \(tensor.shape) for \(segment.shape)")
        tensor.withElements(as: Float.self) {
          (base + segment.offset).update(from: $0.baseAddress!, count: segment.count)
        }
      }
    }
  }

  /// A copy of all numbers by name.
  public func weights() -> NamedWeights {
    var result = NamedWeights()
    for (segments, base) in [(layout.trainable, trainable), (layout.statistics, statistics)] {
      for segment in segments {
        result[segment.name] = Tensor(copying: base + segment.offset, shape: segment.shape)
      }
    }
    return result
  }
}

import Detection
public import Engine
import Graphs
import Tensors
import Training

/// How long a detector takes for a batch of pictures of 8 bits in memory.
public struct InferenceBenchmark: Sendable {
  /// Pixels in, outputs of the head out.
  public var forward: Timings
  /// The same, with boxes decoded, filtered and freed from overlaps.
  public var detection: Timings
  public var planByteCount: Int
  public var batchSize: Int

  /// Runs `plan` on noise, a tenth of `count` times and at least thrice to warm up, then `count`
  /// times.
  public init(_ plan: InferencePlan, count: Int) {
    let B = plan.batchSize
    let shape = plan.graph.values[plan.graph.inputs[0]].shape
    let pixels = noisePixels(count: B * shape.elementCount)
    let classCount = plan.graph.head!.classNames.count
    var forward: [Double] = []
    var detection: [Double] = []
    let warmUp = max(3, count / 10)
    for repetition in 0..<warmUp + count {
      let start = monotonicSeconds()
      plan.setInput(pixels)
      plan.forward()
      let middle = monotonicSeconds()
      for image in 0..<B {
        _ = decodeDetections(
          levels: plan.headOutputs, image: image, classCount: classCount, filter: .prediction)
      }
      guard repetition >= warmUp else { continue }
      forward.append(middle - start)
      detection.append(monotonicSeconds() - start)
    }
    self.forward = Timings(forward)
    self.detection = Timings(detection)
    planByteCount = plan.byteCount
    batchSize = B
  }
}

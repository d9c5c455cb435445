import Graphs
import Tensors

/// A forward pass that goes from layer to layer: before a convolution or a linear layer is computed
/// its weights may change, after it what follows it may.
///
/// What the layers before it saw and gave is done by then, so a walk corrects a network front to back
/// in a single pass over all its pictures.
package final class LayerWalk {
  package let inference: InferencePlan
  private var next = 0

  package init(_ inference: InferencePlan) { self.inference = inference }

  private var plan: Plan { inference.plan }
  private var state: PlanState { plan.state }

  /// Runs everything before the layer of that name.
  package func advance(to layer: String) {
    while plan.steps[next].name != layer || !plan.steps[next].isConvolution {
      plan.steps[next].forward(state)
      next += 1
      precondition(next < plan.steps.count, "\(layer) does not follow")
    }
  }

  /// Computes the layer that `advance` came to, from its parameters as they are now. May be repeated
  /// until the next `advance`.
  package func computeLayer() {
    plan.steps[next].prepareWeights()
    plan.steps[next].forward(state)
  }

  /// Goes on behind the layer.
  package func leaveLayer() { next += 1 }

  /// Where the numbers of a value lie at this moment: inputs of the layer before it, its output after it.
  package func numbers(of value: Int) -> ValueNumbers {
    guard let rows = plan.compiled.rows[value], rows.format == .float32 else {
      preconditionFailure("\(plan.graph.values[value].name) is inside a pass, or no FP32")
    }
    return ValueNumbers(
      base: UnsafePointer(rows.base.assumingMemoryBound(to: Float.self)), rowStride: rows.rowStride,
      rowCount: plan.batchSize * plan.graph.values[value].shape.elementCount / rows.channels,
      channels: rows.channels)
  }
}

/// The FP32 numbers of a value, `[rows, channels]`, `rowStride` elements from one row to the next.
package struct ValueNumbers {
  package var base: UnsafePointer<Float>
  package var rowStride, rowCount, channels: Int

  /// Per channel, the mean and the biased variance over all rows, in Double.
  package func statistics() -> (mean: [Double], variance: [Double]) {
    var (sums, squares) = (
      [Double](repeating: 0, count: channels), [Double](repeating: 0, count: channels)
    )
    // Differences from the first row, so that a mean far from zero costs no digits.
    let origin = Array(UnsafeBufferPointer(start: base, count: channels))
    sums.withUnsafeMutableBufferPointer { sums in
      squares.withUnsafeMutableBufferPointer { squares in
        for row in 0..<rowCount {
          let x = base + row * rowStride
          for c in 0..<channels {
            let d = Double(x[c] - origin[c])
            sums[c] += d
            squares[c] += d * d
          }
        }
      }
    }
    let n = Double(rowCount)
    return (
      (0..<channels).map { Double(origin[$0]) + sums[$0] / n },
      (0..<channels).map { max(0, squares[$0] / n - sums[$0] / n * (sums[$0] / n)) }
    )
  }
}

extension ParameterStore {
  /// The numbers of a parameter.
  package func values(of name: String) -> [Float] {
    for (segments, base) in [(layout.trainable, trainable), (layout.statistics, statistics)] {
      if let segment = segments.first(where: { $0.name == name }) {
        return Array(UnsafeBufferPointer(start: base + segment.offset, count: segment.count))
      }
    }
    preconditionFailure("there is no parameter \(name)")
  }
}

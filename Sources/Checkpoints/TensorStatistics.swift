import Tensors

/// Minimum, maximum, mean and standard deviation of a tensor's finite elements, and how many
/// elements are not finite.
public struct TensorStatistics: Hashable, Sendable, Codable {
  /// 0 for a tensor without finite elements, as are the next three.
  public var minimum = 0.0
  public var maximum = 0.0
  public var mean = 0.0
  /// Of the population: the root of the mean squared distance from the mean.
  public var standardDeviation = 0.0
  public var nanCount = 0
  public var infinityCount = 0
  public var zeroCount = 0

  init() {}
}

/// Statistics and histogram of a tensor that comes piece by piece, twice: first its range and mean, then
/// what refers to these. So no more than a piece of it is ever in memory.
struct TensorSurvey {
  private(set) var statistics = TensorStatistics()
  private(set) var histogram: Histogram
  private var sum = 0.0
  private var squares = 0.0
  private var count = 0
  private var (low, high) = (Double.infinity, -Double.infinity)

  init(binCount: Int = 32) { histogram = Histogram(binCount: binCount) }

  /// Takes in a piece of the tensor on the first way through it.
  mutating func look(_ bytes: UnsafeRawBufferPointer, _ dtype: DType) {
    forEachDouble(bytes, dtype) { value in
      if value.isFinite {
        low = Swift.min(low, value)
        high = Swift.max(high, value)
        sum += value  // bounded: doubles
        count += 1
        if value == 0 { statistics.zeroCount += 1 }
      } else if value.isNaN {
        statistics.nanCount += 1
      } else {
        statistics.infinityCount += 1
      }
    }
  }

  /// Between the two ways.
  mutating func lookAgain() {
    guard count > 0 else { return }
    statistics.mean = sum / Double(count)
    (statistics.minimum, statistics.maximum) = (low, high)
    (histogram.minimum, histogram.maximum) = (low, high)
  }

  /// Takes in a piece of the tensor on the second way.
  mutating func measure(_ bytes: UnsafeRawBufferPointer, _ dtype: DType) {
    let mean = statistics.mean
    forEachDouble(bytes, dtype) { value in
      guard value.isFinite else { return }
      squares += (value - mean) * (value - mean)  // bounded: doubles
      histogram.add(value)
    }
  }

  mutating func finish() {
    guard count > 0 else { return }
    statistics.standardDeviation = (squares / Double(count)).squareRoot()
  }
}

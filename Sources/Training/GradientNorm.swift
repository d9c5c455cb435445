/// `√Σ g²` in Double: finite exactly if every element is.
///
/// The order of the sum is fixed by `count` alone: 16 lanes inside a block of 4096 elements, the
/// blocks along a binary tree. Float squares cannot overflow a Double, so the result is infinite or
/// NaN only if an element is.
public func gradientNorm(_ gradients: UnsafePointer<Float>, count: Int) -> Double {
  let blockSize = 4096
  var sums = [Double](repeating: 0, count: max((count + blockSize - 1) / blockSize, 1))
  for block in 0..<(count + blockSize - 1) / blockSize {
    let start = block * blockSize
    sums[block] = squaredSum(gradients + start, count: min(blockSize, count - start))
  }
  var width = 1
  while width < sums.count {
    for i in stride(from: 0, to: sums.count - width, by: 2 * width) { sums[i] += sums[i + width] }
    width *= 2
  }
  return sums[0].squareRoot()
}

/// The factor that brings a gradient of length `norm` down to `maximum`; 1 if it is no longer, or
/// if `maximum` is 0 (off).
public func clipFactor(norm: Double, maximum: Double) -> Double {
  // The summand keeps the result below the limit after rounding, as in PyTorch.
  maximum > 0 ? min(1, maximum / (norm + 1e-6)) : 1
}

/// `Σ g²` over one block, in 16 lanes.
private func squaredSum(_ g: UnsafePointer<Float>, count: Int) -> Double {
  let lanes = 16
  return withUnsafeTemporaryAllocation(of: Double.self, capacity: lanes) { buffer in
    let sums = buffer.baseAddress!
    for j in 0..<lanes { sums[j] = 0 }
    var i = 0
    while i + lanes <= count {
      for j in 0..<lanes {
        let value = Double(g[i &+ j])
        sums[j] += value * value
      }
      i &+= lanes
    }
    for j in 0..<count - i {
      let value = Double(g[i &+ j])
      sums[j] += value * value
    }
    var width = lanes / 2
    while width > 0 {
      for j in 0..<width { sums[j] += sums[j + width] }
      width /= 2
    }
    return sums[0]
  }
}

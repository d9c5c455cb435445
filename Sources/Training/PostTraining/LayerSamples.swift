import Engine
import Graphs
import Tensors

/// What a layer reads, as rows of a matrix: one row for each of some pixels of its output, one column
/// for each weight of an output channel.
///
/// - Shapes: `x` `[m, K]`, `K = C/groups · kernel²`, in the order of a row of the weight `[O, C/groups, k, k]`.
struct LayerSamples {
  let geometry: Geometry
  /// The pixels of the output, over all pictures, that are looked at: evenly spaced.
  let pixels: [Int]

  struct Geometry {
    var N, H, W, C, P, Q, O: Int
    var kernel, stride, padding, groups: Int

    var K: Int { C / groups * kernel * kernel }
    /// Output channels of a group.
    var groupO: Int { O / groups }
  }

  /// - Parameter count: at most so many pixels.
  init(_ graph: Graph, _ node: Node, batchSize: Int, count: Int) {
    func extents(_ value: Int) -> (Int, Int, Int) {
      let shape = graph.values[value].shape
      return shape.rank == 3 ? (shape[0], shape[1], shape[2]) : (1, 1, shape[0])
    }
    let ((H, W, C), (P, Q, O)) = (extents(node.inputs[0]), extents(node.output))
    var (kernel, stride, padding, groups) = (1, 1, 0, 1)
    if case .convolution(_, let k, let s, let p, let g, _) = node.operation {
      (kernel, stride, padding, groups) = (k, s, p, g)
    }
    geometry = Geometry(
      N: batchSize, H: H, W: W, C: C, P: P, Q: Q, O: O, kernel: kernel, stride: stride,
      padding: padding, groups: groups)
    let total = batchSize * P * Q
    let m = min(count, total)
    pixels = (0..<m).map { $0 * total / m }
  }

  /// The inputs of one group of channels at these pixels.
  func inputs(_ source: ValueNumbers, group: Int) -> [Float] {
    let g = geometry
    precondition(
      source.rowCount == g.N * g.H * g.W && source.channels == g.C,
      "\(source.rowCount) rows of \(source.channels)")
    let (taps, first) = (g.kernel * g.kernel, group * g.C / g.groups)
    var result = [Float](repeating: 0, count: pixels.count * g.K)
    result.withUnsafeMutableBufferPointer { x in
      for (row, pixel) in pixels.enumerated() {
        let (n, p, q) = (pixel / (g.P * g.Q), pixel / g.Q % g.P, pixel % g.Q)
        for i in 0..<g.kernel {
          let h = p * g.stride + i - g.padding
          guard h >= 0, h < g.H else { continue }
          for j in 0..<g.kernel {
            let w = q * g.stride + j - g.padding
            guard w >= 0, w < g.W else { continue }
            let from = source.base + ((n * g.H + h) * g.W + w) * source.rowStride + first
            let to = row * g.K + i * g.kernel + j
            for c in 0..<g.C / g.groups { x[to + c * taps] = from[c] }
          }
        }
      }
    }
    return result
  }

  /// The outputs of one group of channels at these pixels, `[m, O/groups]`.
  func outputs(_ source: ValueNumbers, group: Int) -> [Float] {
    let count = geometry.groupO
    var result = [Float](repeating: 0, count: pixels.count * count)
    for (row, pixel) in pixels.enumerated() {
      let from = source.base + pixel * source.rowStride + group * count
      for o in 0..<count { result[row * count + o] = from[o] }
    }
    return result
  }
}

/// Takes the mean of each column off.
///
/// - Shapes: `x` `[m, K]`.
func center(_ x: inout [Float], columns K: Int) {
  let m = x.count / K
  var sums = [Double](repeating: 0, count: K)
  for row in 0..<m {
    for k in 0..<K { sums[k] += Double(x[row * K + k]) }
  }
  let means = sums.map { Float($0 / Double(max(m, 1))) }
  for row in 0..<m {
    for k in 0..<K { x[row * K + k] -= means[k] }
  }
}

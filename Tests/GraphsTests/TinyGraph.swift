import Graphs
import Tensors

/// A graph with one of each operation that a detector and a classifier need.
///
/// image [4, 6, 2] → block → (slice, slice) → add → concat → max pool → upsample → mean → linear.
func tinyGraph() -> Graph {
  var b = GraphBuilder(name: "tiny")
  let image = b.input("image", shape: [4, 6, 2])
  let conv = b.node(
    .convolution(channels: 4, kernel: 3, stride: 1, padding: 1, groups: 1, bias: false), image,
    name: "a.conv")
  let norm = b.node(.batchNorm(epsilon: 0.001, momentum: 0.03), conv, name: "a.bn")
  let act = b.node(.activation(.silu), norm, name: "a.act")
  let first = b.node(.slice(from: 0, count: 2), act, name: "first")
  let second = b.node(.slice(from: 2, count: 2), act, name: "second")
  let sum = b.node(.add, first, second, name: "sum")
  let joined = b.node(.concat, first, sum, name: "joined")
  let pooled = b.node(.maxPool(kernel: 2, stride: 2, padding: 0), joined, name: "pool")
  let up = b.node(.upsample(factor: 2), pooled, name: "up")
  let grouped = b.node(
    .convolution(channels: 4, kernel: 1, stride: 2, padding: 0, groups: 2, bias: true), up,
    name: "b.conv")
  let mean = b.node(.globalAveragePool, grouped, name: "mean")
  let logits = b.node(.linear(features: 3, bias: true), mean, name: "logits")
  b.output(logits)
  return b.graph
}

import Tensors

/// The upper part of the tree: combines the subtrees of all ranks, for elements this rank owns.
///
/// Each subtree's elements are read once, where they are, and the result is written once: the
/// elements go through all nodes of the tree in blocks, and what lies between stays in the nearest
/// cache.
struct TreeMerge {
  /// Where the elements of a subtree are.
  enum Source {
    /// Element `i` of the vector at `base + i`.
    case vector(UnsafePointer<Float>)
    /// What came by message: element `i` of a bucket at `base + i + shift`, the bucket's shift.
    case arrival(UnsafePointer<Float>)
    /// This rank's last shard, where it is a subtree of its own.
    case lastShard
  }

  private enum Place {
    case source(Source)
    /// A block that holds what lies between.
    case scratch(Int)
  }

  private struct Node {
    var left, right: Place
    /// Scratch; -1 for the result.
    var out: Int
  }

  private static let blockLength = 2048
  private let vector: ReducedVector
  private let nodes: [Node]
  private let scratch: AlignedBuffer

  /// - Parameters:
  ///   - sources: the subtrees from left to right.
  ///   - combines: after each of them, how many nodes of the tree are complete.
  init(_ vector: ReducedVector, sources: [Source], combines: [Int]) {
    var nodes: [Node] = []
    var open: [Place] = []
    var free: [Int] = []
    var scratchCount = 0
    for (source, count) in zip(sources, combines) {
      open.append(.source(source))
      for _ in 0..<count {
        let right = open.removeLast()
        let left = open.removeLast()
        for case .scratch(let used) in [left, right] { free.append(used) }
        var out = -1
        if nodes.count < sources.count - 2 {
          if free.isEmpty {
            free.append(scratchCount)
            scratchCount += 1
          }
          out = free.removeLast()
        }
        nodes.append(Node(left: left, right: right, out: out))
        open.append(.scratch(out))
      }
    }
    precondition(open.count == 1, "\(sources.count) subtrees that are no tree: \(combines)")
    self.vector = vector
    self.nodes = nodes
    scratch = AlignedBuffer(byteCount: scratchCount * Self.blockLength * 4)
  }

  /// Writes the combined elements `range` to their places in `result`.
  ///
  /// With a single subtree the result must be in its place already.
  func run(
    _ range: Range<Int>, arrivalShift: Int, lastShard: UnsafePointer<Float>,
    into result: UnsafeMutablePointer<Float>
  ) {
    let memory = scratch.base.assumingMemoryBound(to: Float.self)
    var start = range.lowerBound
    while start < range.upperBound {
      let block = start..<min(start + Self.blockLength, range.upperBound)
      func address(_ place: Place) -> UnsafePointer<Float> {
        switch place {
        case .source(.vector(let base)): base + start
        case .source(.arrival(let base)): base + (start + arrivalShift)
        case .source(.lastShard): lastShard + start
        case .scratch(let index): UnsafePointer(memory + index * Self.blockLength)
        }
      }
      for node in nodes {
        vector.combine(
          address(node.left), address(node.right),
          into: node.out < 0 ? result + start : memory + node.out * Self.blockLength, block)
      }
      canonicalizeNaNs(result + start, count: block.count)
      start = block.upperBound
    }
  }
}

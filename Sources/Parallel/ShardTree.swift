/// The fixed binary tree in which anything is summed over shards.
///
/// A node is a run of shards. A node of `count` > 1 shards splits at the largest power of two below
/// `count`, so every left child is complete, and the sum of a node is *left + right*. For seven
/// shards: `((0+1)+(2+3)) + ((4+5)+6)`. The tree depends on the number of shards alone, so a sum
/// along it has the same bits whoever computes which part.
enum ShardTree {
  /// The two children of `node`, which holds at least two shards.
  static func children(of node: Range<Int>) -> (left: Range<Int>, right: Range<Int>) {
    precondition(node.count > 1, "a single shard has no children")
    var half = 1
    while half * 2 < node.count { half *= 2 }
    let middle = node.lowerBound + half
    return (node.lowerBound..<middle, middle..<node.upperBound)
  }

  /// The largest nodes of the tree over `shardCount` shards that lie inside `run`, from left to
  /// right.
  ///
  /// At most two per level of the tree, and one where `run` is a node itself.
  static func maximalNodes(inside run: Range<Int>, shardCount: Int) -> [Range<Int>] {
    var found: [Range<Int>] = []
    func visit(_ node: Range<Int>) {
      guard node.overlaps(run) else { return }
      if node.lowerBound >= run.lowerBound && node.upperBound <= run.upperBound {
        found.append(node)
        return
      }
      let (left, right) = children(of: node)
      visit(left)
      visit(right)
    }
    visit(0..<shardCount)
    return found
  }

  /// How often, after each of `leaves` was put on a stack, the top two entries are to be combined,
  /// so that at the end one entry per node of `roots` is left.
  ///
  /// `leaves` are disjoint nodes from left to right that make up the `roots`.
  static func combinesAfterLeaves(leaves: [Range<Int>], roots: [Range<Int>]) -> [Int] {
    var combines = [Int](repeating: 0, count: leaves.count)
    var next = 0
    func visit(_ node: Range<Int>) {
      if leaves[next] == node {
        next += 1
        return
      }
      let (left, right) = children(of: node)
      visit(left)
      visit(right)
      combines[next - 1] += 1
    }
    for root in roots { visit(root) }
    precondition(next == leaves.count, "the leaves \(leaves) do not make up \(roots)")
    return combines
  }

  /// The most entries such a stack holds when a leaf that is combined at once is never stored.
  static func stackDepth(_ combines: [Int]) -> Int {
    var depth = 0
    var most = 0
    for count in combines {
      if count == 0 {
        depth += 1
        most = max(most, depth)
      } else {
        depth -= count - 1
      }
    }
    return most
  }
}

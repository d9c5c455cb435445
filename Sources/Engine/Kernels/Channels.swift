/// Moves `count` channels of every row from one array to another: concat and slice, both ways.
///
/// - Shapes: `source` `[rows, sourceC]`, `target` `[rows, targetC]`; the channels start at
///   `sourceChannel` and `targetChannel`.
struct ChannelCopy {
  var rows: Int
  var count: Int
  var sourceC, sourceChannel: Int
  var targetC, targetChannel: Int

  func run(
    _ source: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    for row in 0..<rows {
      let s = source + row * sourceC + sourceChannel
      let t = target + row * targetC + targetChannel
      if accumulate {
        for c in 0..<count { t[c] += s[c] }
      } else {
        t.update(from: s, count: count)
      }
    }
  }
}

/// `target += source` or `target = source`, element by element.
func pass(
  _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int,
  accumulate: Bool
) {
  if accumulate {
    for i in 0..<count { target[i] += source[i] }
  } else {
    target.update(from: source, count: count)
  }
}

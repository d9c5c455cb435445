/// The sizes, in bytes, of elements that can be split into planes.
public let planeElementByteCounts = [2, 4, 8]

/// Gathers byte `p` of every element into plane `p`: `planes[p·n + i] = bytes[i·k + p]`,
/// where `k` is the element's size and `n` the number of elements.
///
/// Sign and exponent bytes of floats are alike and compress well once they lie together.
///
/// - Precondition: `k` is 2, 4 or 8; both buffers have `n·k` bytes and do not overlap.
public func splitBytePlanes(
  _ bytes: UnsafeRawBufferPointer, elementByteCount k: Int,
  into planes: UnsafeMutableRawBufferPointer
) {
  let n = elementCount(bytes.count, planes.count, k)
  guard n > 0, let from = bytes.baseAddress, let to = planes.baseAddress else { return }
  let source = from.assumingMemoryBound(to: UInt8.self)
  let target = to.assumingMemoryBound(to: UInt8.self)
  // One pass per plane: the strided load of a constant stride becomes vector shuffles.
  for p in 0..<k {
    let plane = target + p * n
    switch k {
    case 2: for i in 0..<n { plane[i] = source[i &* 2 &+ p] }
    case 4: for i in 0..<n { plane[i] = source[i &* 4 &+ p] }
    default: for i in 0..<n { plane[i] = source[i &* 8 &+ p] }
    }
  }
}

/// The inverse of `splitBytePlanes`: `bytes[i·k + p] = planes[p·n + i]`.
public func joinBytePlanes(
  _ planes: UnsafeRawBufferPointer, elementByteCount k: Int,
  into bytes: UnsafeMutableRawBufferPointer
) {
  let n = elementCount(planes.count, bytes.count, k)
  guard n > 0, let from = planes.baseAddress, let to = bytes.baseAddress else { return }
  let source = from.assumingMemoryBound(to: UInt8.self)
  let target = to.assumingMemoryBound(to: UInt8.self)
  switch k {
  case 2:
    let (a, b) = (source, source + n)
    for i in 0..<n {
      target[i &* 2] = a[i]
      target[i &* 2 &+ 1] = b[i]
    }
  case 4:
    let (a, b, c, d) = (source, source + n, source + 2 * n, source + 3 * n)
    for i in 0..<n {
      target[i &* 4] = a[i]
      target[i &* 4 &+ 1] = b[i]
      target[i &* 4 &+ 2] = c[i]
      target[i &* 4 &+ 3] = d[i]
    }
  default:
    for p in 0..<8 {
      let plane = source + p * n
      for i in 0..<n { target[i &* 8 &+ p] = plane[i] }
    }
  }
}

private func elementCount(_ source: Int, _ target: Int, _ k: Int) -> Int {
  precondition(planeElementByteCounts.contains(k), "elements of \(k) bytes have no planes")
  precondition(source == target, "\(source) bytes into \(target)")
  precondition(source % k == 0, "\(source) bytes are no multiple of \(k)")
  return source / k
}

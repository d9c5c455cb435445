import CPlanes

/// How an element becomes an unsigned number before its bytes are laid into planes.
///
/// Both put what compresses into the most significant bytes and what is noise into the lowest.
public enum PlaneTransform: Hashable, Sendable {
  /// For floats: the bits rotated left by one, so that the exponent fills the first byte and the sign
  /// lies with the mantissa's noise.
  case rotated
  /// For a number near another one, `base`: the difference `x - base` of the bit patterns, modulo
  /// 2^bits, with its sign folded into bit 0 (0, -1, 1, -2, … become 0, 1, 2, 3, …).
  case difference
}

/// Writes the planes of `bytes`, the most significant byte first: with `u` the transformed number of
/// element `i` out of `n`, of `k` bytes, `planes[p·n + i] = u >> 8·(k-1-p)`.
///
/// - Precondition: `k` is 2, 4 or 8; all buffers have `n·k` bytes; `base` is given for `.difference`
///   and only then. `planes` overlaps nothing.
public func splitPlanes(
  _ bytes: UnsafeRawBufferPointer, base: UnsafeRawBufferPointer? = nil,
  transform: PlaneTransform, elementByteCount k: Int, into planes: UnsafeMutableRawBufferPointer
) {
  let n = planeElementCount(bytes.count, planes.count, base?.count, transform, k)
  guard n > 0 else { return }
  let (x, y) = (bytes.baseAddress!, planes.baseAddress!.assumingMemoryBound(to: UInt8.self))
  switch k {
  case 4: split4(x, base?.baseAddress, y, n)
  case 2: splitEach(x, base?.baseAddress, y, n, UInt16.self)
  default: splitEach(x, base?.baseAddress, y, n, UInt64.self)
  }
}

/// The inverse of `splitPlanes`.
public func joinPlanes(
  _ planes: UnsafeRawBufferPointer, base: UnsafeRawBufferPointer? = nil,
  transform: PlaneTransform, elementByteCount k: Int, into bytes: UnsafeMutableRawBufferPointer
) {
  let n = planeElementCount(planes.count, bytes.count, base?.count, transform, k)
  guard n > 0 else { return }
  let (x, y) = (planes.baseAddress!.assumingMemoryBound(to: UInt8.self), bytes.baseAddress!)
  switch k {
  case 4: join4(x, base?.baseAddress, y, n)
  case 2: joinEach(x, base?.baseAddress, y, n, UInt16.self)
  default: joinEach(x, base?.baseAddress, y, n, UInt64.self)
  }
}

private func planeElementCount(
  _ source: Int, _ target: Int, _ base: Int?, _ transform: PlaneTransform, _ k: Int
) -> Int {
  precondition(planeElementByteCounts.contains(k), "elements of \(k) bytes have no planes")
  precondition(source == target && source % k == 0, "\(source) bytes into \(target), \(k) each")
  precondition((transform == .difference) == (base != nil), "\(transform) with base \(base ?? -1)")
  precondition(base == nil || base == source, "a base of \(base ?? 0) bytes for \(source)")
  return source / k
}

// MARK: - Four bytes, 32 elements at a time

private typealias Words = SIMD8<UInt32>

@inline(__always)
private func words(_ p: UnsafeRawPointer, _ i: Int) -> Words {
  p.loadUnaligned(fromByteOffset: 4 &* i, as: Words.self)
}

/// `x - base` with the sign in bit 0.
@inline(__always)
private func folded(_ d: Words) -> Words { (d &<< 1) ^ (Words.zero &- (d &>> 31)) }

@inline(__always)
private func unfolded(_ u: Words) -> Words { (u &>> 1) ^ (Words.zero &- (u & Words(repeating: 1))) }

@inline(__always)
private func rotatedLeft(_ w: Words) -> Words { (w &<< 1) | (w &>> 31) }

@inline(__always)
private func rotatedRight(_ w: Words) -> Words { (w &>> 1) | (w &<< 31) }

private func split4(
  _ x: UnsafeRawPointer, _ base: UnsafeRawPointer?, _ y: UnsafeMutablePointer<UInt8>, _ n: Int
) {
  let (whole, stride) = (n & ~31, Int64(n))
  var i = 0
  if let base {
    while i < whole {
      cplanes_store_planes(
        folded(words(x, i) &- words(base, i)),
        folded(words(x, i &+ 8) &- words(base, i &+ 8)),
        folded(words(x, i &+ 16) &- words(base, i &+ 16)),
        folded(words(x, i &+ 24) &- words(base, i &+ 24)), y + i, stride)
      i &+= 32
    }
  } else {
    while i < whole {
      cplanes_store_planes(
        rotatedLeft(words(x, i)), rotatedLeft(words(x, i &+ 8)), rotatedLeft(words(x, i &+ 16)),
        rotatedLeft(words(x, i &+ 24)), y + i, stride)
      i &+= 32
    }
  }
  splitEach(x, base, y, n, UInt32.self, from: whole)
}

private func join4(
  _ x: UnsafePointer<UInt8>, _ base: UnsafeRawPointer?, _ y: UnsafeMutableRawPointer, _ n: Int
) {
  let (whole, stride) = (n & ~31, Int64(n))
  @inline(__always) func store(_ w: Words, _ i: Int) {
    y.storeBytes(of: w, toByteOffset: 4 &* i, as: Words.self)
  }
  var i = 0
  if let base {
    while i < whole {
      // The stores below replace these; the compiler keeps the words in registers.
      cplanes_load_planes(x + i, stride, y + 4 &* i)
      store(unfolded(words(y, i)) &+ words(base, i), i)
      store(unfolded(words(y, i &+ 8)) &+ words(base, i &+ 8), i &+ 8)
      store(unfolded(words(y, i &+ 16)) &+ words(base, i &+ 16), i &+ 16)
      store(unfolded(words(y, i &+ 24)) &+ words(base, i &+ 24), i &+ 24)
      i &+= 32
    }
  } else {
    while i < whole {
      // The stores below replace these; the compiler keeps the words in registers.
      cplanes_load_planes(x + i, stride, y + 4 &* i)
      store(rotatedRight(words(y, i)), i)
      store(rotatedRight(words(y, i &+ 8)), i &+ 8)
      store(rotatedRight(words(y, i &+ 16)), i &+ 16)
      store(rotatedRight(words(y, i &+ 24)), i &+ 24)
      i &+= 32
    }
  }
  joinEach(x, base, y, n, UInt32.self, from: whole)
}

// MARK: - Any width, one element at a time

@inline(__always)
private func splitEach<Word: FixedWidthInteger & UnsignedInteger>(
  _ x: UnsafeRawPointer, _ base: UnsafeRawPointer?, _ y: UnsafeMutablePointer<UInt8>, _ n: Int,
  _ type: Word.Type, from start: Int = 0
) {
  let k = Word.bitWidth / 8
  for i in start..<n {
    let word = Word(littleEndian: x.loadUnaligned(fromByteOffset: k &* i, as: Word.self))
    let u: Word
    if let base {
      let d = word &- Word(littleEndian: base.loadUnaligned(fromByteOffset: k &* i, as: Word.self))
      u = (d &<< 1) ^ (0 &- (d &>> (Word(truncatingIfNeeded: Word.bitWidth) &- 1)))
    } else {
      u = (word &<< 1) | (word &>> (Word(truncatingIfNeeded: Word.bitWidth) &- 1))
    }
    for p in 0..<k {
      y[p &* n &+ i] = UInt8(truncatingIfNeeded: u &>> Word(truncatingIfNeeded: 8 &* (k - 1 - p)))
    }
  }
}

@inline(__always)
private func joinEach<Word: FixedWidthInteger & UnsignedInteger>(
  _ x: UnsafePointer<UInt8>, _ base: UnsafeRawPointer?, _ y: UnsafeMutableRawPointer, _ n: Int,
  _ type: Word.Type, from start: Int = 0
) {
  let k = Word.bitWidth / 8
  for i in start..<n {
    var u: Word = 0
    for p in 0..<k { u = (u &<< 8) | Word(truncatingIfNeeded: x[p &* n &+ i]) }
    let word: Word
    if let base {
      let d = (u &>> 1) ^ (0 &- (u & 1))
      word = d &+ Word(littleEndian: base.loadUnaligned(fromByteOffset: k &* i, as: Word.self))
    } else {
      word = (u &>> 1) | (u &<< (Word(truncatingIfNeeded: Word.bitWidth) &- 1))
    }
    y.storeBytes(of: word.littleEndian, toByteOffset: k &* i, as: Word.self)
  }
}

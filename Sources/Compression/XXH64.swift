/// The 64-bit xxHash of `bytes`: a fast checksum against damage, not against malice.
///
/// *Source:* Collet, "xxHash fast digest algorithm", version 0.1.1, section "XXH64". zstd's frame
/// checksum is its lower 32 bits with seed 0.
public func xxh64(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
  var offset = 0
  var hash: UInt64
  if bytes.count >= 32 {
    var a = seed &+ prime1 &+ prime2
    var b = seed &+ prime2
    var c = seed
    var d = seed &- prime1
    var p = bytes.baseAddress!
    let end = p + (bytes.count & ~31)
    while p < end {
      a = round(a, word(p, 0))
      b = round(b, word(p, 8))
      c = round(c, word(p, 16))
      d = round(d, word(p, 24))
      p += 32
    }
    offset = bytes.count & ~31
    hash = rotated(a, 1) &+ rotated(b, 7) &+ rotated(c, 12) &+ rotated(d, 18)
    for lane in [a, b, c, d] { hash = (hash ^ round(0, lane)) &* prime1 &+ prime4 }
  } else {
    hash = seed &+ prime5
  }
  hash &+= UInt64(bytes.count)
  while offset <= bytes.count - 8 {
    hash = rotated(hash ^ round(0, word(bytes.baseAddress!, offset)), 27) &* prime1 &+ prime4
    offset += 8
  }
  if offset <= bytes.count - 4 {
    let half = UInt64(
      UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    hash = rotated(hash ^ (half &* prime1), 23) &* prime2 &+ prime3
    offset += 4
  }
  while offset < bytes.count {
    hash = rotated(hash ^ (UInt64(bytes[offset]) &* prime5), 11) &* prime1
    offset += 1
  }
  hash = (hash ^ (hash >> 33)) &* prime2
  hash = (hash ^ (hash >> 29)) &* prime3
  return hash ^ (hash >> 32)
}

/// The 64-bit xxHash of `bytes`.
public func xxh64(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
  bytes.withUnsafeBytes { xxh64($0, seed: seed) }
}

private let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
private let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
private let prime3: UInt64 = 0x1656_67B1_9E37_79F9
private let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
private let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

@inline(__always)
private func rotated(_ x: UInt64, _ count: UInt64) -> UInt64 {
  (x &<< count) | (x &>> (64 &- count))
}

@inline(__always)
private func round(_ lane: UInt64, _ input: UInt64) -> UInt64 {
  rotated(lane &+ input &* prime2, 31) &* prime1
}

@inline(__always)
private func word(_ p: UnsafeRawPointer, _ offset: Int) -> UInt64 {
  UInt64(littleEndian: p.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
}

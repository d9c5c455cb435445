import Compression
import Testing

@Suite struct XXH64Tests {
  @Test func `known answers`() {
    #expect(xxh64([]) == 0xEF46_DB37_51D8_E999)
    #expect(xxh64(Array("a".utf8)) == 0xD24E_C4F1_A98C_6E5B)
    #expect(xxh64(Array("abc".utf8)) == 0x44BC_2CF5_AD77_0999)
    #expect(
      xxh64(Array("Nobody inspects the spammish repetition".utf8)) == 0xFBCE_A83C_8A37_8BF1)
  }

  @Test func `its lower half is the checksum zstd writes, at every length`() throws {
    var bytes: [UInt8] = []
    for length in 0..<200 {
      let frame = try compress(bytes, level: 1)
      let checksum = frame.suffix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      #expect(UInt32(truncatingIfNeeded: xxh64(bytes)) == checksum, "length \(length)")
      bytes.append(UInt8(truncatingIfNeeded: length &* 151 &+ 17))
    }
  }

  @Test func `the seed matters`() {
    #expect(xxh64([1, 2, 3], seed: 1) != xxh64([1, 2, 3]))
  }
}

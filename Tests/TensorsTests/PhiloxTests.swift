import Tensors
import Testing

@Suite struct PhiloxTests {
  /// Known answers of the reference implementation (Random123, `kat_vectors`, philox4x32-10).
  @Test func `blocks equal the published known answers`() {
    let ones = UInt32.max
    #expect(
      Philox.block(counter: .zero, key: .zero)
        == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    #expect(
      Philox.block(counter: SIMD4(repeating: ones), key: SIMD2(repeating: ones))
        == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    #expect(
      Philox.block(
        counter: SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344),
        key: SIMD2(0xa409_3822, 0x299f_31d0))
        == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test func `streams and positions are independent of the order they are asked in`() {
    var a = Philox(seed: 7, stream: 3, position: 11)
    let first = (0..<9).map { _ in a.nextWord() }
    var other = Philox(seed: 7, stream: 3, position: 12)
    #expect(first != (0..<9).map { _ in other.nextWord() })
    var again = Philox(seed: 7, stream: 3, position: 11)
    #expect(first == (0..<9).map { _ in again.nextWord() })
  }

  @Test func `a shuffle is a permutation`() {
    var g = Philox(seed: 1)
    var values = Array(0..<100)
    g.shuffle(&values)
    #expect(values != Array(0..<100))
    #expect(values.sorted() == Array(0..<100))
  }
}

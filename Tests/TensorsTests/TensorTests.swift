import Tensors
import Testing

@Suite struct TensorTests {
  @Test func `a copy is shared until one of the two is written`() {
    let a = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    var b = a
    b.withMutableElements(as: Float.self) { $0[0] = 9 }
    #expect(a.values(as: Float.self)[0] == 1)
    #expect(b.values(as: Float.self)[0] == 9)
    #expect(!a.isBitwiseEqual(to: b))
  }

  @Test func `memory is aligned to a cache line`() {
    for count in [1, 3, 17, 1000] {
      Tensor(shape: [count], dtype: .uint8).withBytes {
        #expect(Int(bitPattern: $0.baseAddress!) % AlignedBuffer.alignment == 0)
      }
    }
  }

  @Test func `bits are compared as bits`() {
    let nan = Tensor([Float.nan], shape: [1])
    #expect(nan.isBitwiseEqual(to: Tensor([Float.nan], shape: [1])))
    #expect(!Tensor([Float(0)], shape: [1]).isBitwiseEqual(to: Tensor([-Float(0)], shape: [1])))
  }

  @Test func `a count that overflows is reported and does not trap`() {
    #expect(Shape([Int.max, 2]).checkedElementCount == nil)
    #expect(Shape([3, 4]).checkedElementCount == 12)
  }
}

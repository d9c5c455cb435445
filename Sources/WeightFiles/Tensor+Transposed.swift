import Tensors

extension Tensor {
  /// FP32 with its axes in another order: `y.shape[i] = shape[axes[i]]`.
  func transposed(_ axes: [Int]) -> Tensor {
    let rank = shape.rank
    precondition(axes.sorted() == Array(0..<rank), "axes \(axes) of \(shape)")
    var steps = [Int](repeating: 1, count: rank)
    for axis in (0..<max(rank - 1, 0)).reversed() {
      steps[axis] = steps[axis + 1] * shape[axis + 1]
    }
    let extents = axes.map { shape[$0] }
    let strides = axes.map { steps[$0] }
    var result = Tensor(uninitialized: Shape(extents), dtype: .float32)
    withElements(as: Float.self) { source in
      result.withMutableElements(as: Float.self) { target in
        var places = StridedPlaces(extents: extents, strides: strides, offset: 0)
        for index in target.indices {
          target[index] = source[places.current]
          places.advance()
        }
      }
    }
    return result
  }
}

/// The places of a strided tensor's elements, the last extent fastest.
///
/// The caller has checked that none of them overflows or lies outside its storage.
struct StridedPlaces {
  private let extents: [Int]
  private let strides: [Int]
  private var index: [Int]
  private(set) var current: Int

  init(extents: [Int], strides: [Int], offset: Int) {
    self.extents = extents
    self.strides = strides
    index = [Int](repeating: 0, count: extents.count)
    current = offset
  }

  mutating func advance() {
    var axis = extents.count - 1
    while axis >= 0 {
      // Beyond the last index lies no place: a stride of an extent of 1 can be any number.
      if index[axis] + 1 < extents[axis] {
        index[axis] += 1
        current += strides[axis]
        return
      }
      current -= index[axis] * strides[axis]
      index[axis] = 0
      axis -= 1
    }
  }
}

import Tensors

/// Memory that the kernels of a plan take turns with; what one leaves there means nothing to the next.
final class SharedScratch {
  private(set) var byteCount = 0
  private var buffer: AlignedBuffer?
  private var address: UnsafeMutableRawPointer?

  /// Notes that a kernel wants that much; the address comes later.
  func reserve(byteCount wanted: Int) { byteCount = max(byteCount, wanted) }

  /// Makes the memory, once all have said what they want.
  ///
  /// - Parameter extra: bytes behind it.
  func bind(extra: Int = 0) {
    let buffer = AlignedBuffer(byteCount: byteCount + extra)
    (self.buffer, address) = (buffer, buffer.base)
  }

  var base: UnsafeMutableRawPointer {
    guard let address else { preconditionFailure("scratch memory is used before it is made") }
    return address
  }
}

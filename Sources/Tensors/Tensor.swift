/// A dense, row-major array of numbers with a shape, 64-byte aligned, shared until written.
public struct Tensor: Sendable {
  public let shape: Shape
  public let dtype: DType
  private var storage: AlignedBuffer

  /// Zeros.
  public init(shape: Shape, dtype: DType = .float32) {
    self.shape = shape
    self.dtype = dtype
    storage = AlignedBuffer(byteCount: shape.elementCount * dtype.byteCount)
  }

  /// Elements that hold anything, for a caller that writes every one of them.
  package init(uninitialized shape: Shape, dtype: DType) {
    self.shape = shape
    self.dtype = dtype
    storage = AlignedBuffer(uninitialized: shape.elementCount * dtype.byteCount)
  }

  /// What `storage` holds. Nobody else may write there as long as the tensor lives.
  package init(shape: Shape, dtype: DType, in storage: AlignedBuffer) {
    precondition(
      storage.byteCount == shape.elementCount * dtype.byteCount,
      "\(storage.byteCount) bytes for \(dtype) \(shape)")
    self.init(shape: shape, dtype: dtype, storage: storage)
  }

  /// A copy of `values` under `shape`.
  public init<Element: TensorElement>(_ values: [Element], shape: Shape) {
    precondition(
      values.count == shape.elementCount, "\(values.count) values for shape \(shape)")
    self.init(shape: shape, dtype: Element.dtype)
    values.withUnsafeBytes { source in
      if let base = source.baseAddress {
        storage.base.copyMemory(from: base, byteCount: source.count)
      }
    }
  }

  /// A copy of `count` elements from `source`.
  public init<Element: TensorElement>(copying source: UnsafePointer<Element>, shape: Shape) {
    self.init(shape: shape, dtype: Element.dtype)
    storage.base.copyMemory(from: source, byteCount: byteCount)
  }

  public var elementCount: Int { shape.elementCount }
  public var byteCount: Int { storage.byteCount }

  /// The elements as an array of Swift values. Stops if `Element` is not the tensor's type.
  public func values<Element: TensorElement>(as type: Element.Type = Element.self) -> [Element] {
    withElements(as: type) { Array($0) }
  }

  public func withElements<Element: TensorElement, Result>(
    as type: Element.Type, _ body: (UnsafeBufferPointer<Element>) throws -> Result
  ) rethrows -> Result {
    precondition(dtype == Element.dtype, "\(dtype) tensor read as \(Element.dtype)")
    defer { withExtendedLifetime(storage) {} }
    return try body(
      UnsafeBufferPointer(
        start: UnsafePointer(storage.base.assumingMemoryBound(to: Element.self)),
        count: elementCount))
  }

  /// Gives the elements for writing; makes a copy first if the memory is shared.
  public mutating func withMutableElements<Element: TensorElement, Result>(
    as type: Element.Type, _ body: (UnsafeMutableBufferPointer<Element>) throws -> Result
  ) rethrows -> Result {
    precondition(dtype == Element.dtype, "\(dtype) tensor written as \(Element.dtype)")
    makeUnique()
    defer { withExtendedLifetime(storage) {} }
    return try body(
      UnsafeMutableBufferPointer(
        start: storage.base.assumingMemoryBound(to: Element.self), count: elementCount))
  }

  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows
    -> Result
  {
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeRawBufferPointer(start: storage.base, count: byteCount))
  }

  public mutating func withMutableBytes<Result>(
    _ body: (UnsafeMutableRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    makeUnique()
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeMutableRawBufferPointer(start: storage.base, count: byteCount))
  }

  /// The same elements under another shape of the same count.
  public func reshaped(to shape: Shape) -> Tensor {
    precondition(shape.elementCount == elementCount, "\(self.shape) reshaped to \(shape)")
    return Tensor(shape: shape, dtype: dtype, storage: storage)
  }

  /// Whether shape, type and every bit are equal. A NaN equals a NaN of the same bits.
  public func isBitwiseEqual(to other: Tensor) -> Bool {
    guard shape == other.shape, dtype == other.dtype else { return false }
    return withBytes { a in other.withBytes { b in a.elementsEqual(b) } }
  }

  private init(shape: Shape, dtype: DType, storage: AlignedBuffer) {
    self.shape = shape
    self.dtype = dtype
    self.storage = storage
  }

  private mutating func makeUnique() {
    if !isKnownUniquelyReferenced(&storage) { storage = storage.copy() }
  }
}

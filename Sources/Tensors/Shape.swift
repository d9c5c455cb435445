/// The extents of a tensor, outermost first.
public struct Shape: Hashable, Sendable, Codable, ExpressibleByArrayLiteral,
  CustomStringConvertible
{
  public var extents: [Int]

  public init(_ extents: [Int]) {
    precondition(extents.allSatisfy { $0 >= 0 }, "negative extent in \(extents)")
    self.extents = extents
  }

  public init(arrayLiteral extents: Int...) { self.init(extents) }

  public init(from decoder: any Decoder) throws {
    let extents = try [Int](from: decoder)
    guard extents.allSatisfy({ $0 >= 0 }) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "a shape has a negative extent"))
    }
    self.extents = extents
  }

  public func encode(to encoder: any Encoder) throws { try extents.encode(to: encoder) }

  public var rank: Int { extents.count }

  /// The product of the extents; 1 for a scalar (rank 0).
  public var elementCount: Int { extents.reduce(1, *) }

  /// The product of the extents, or `nil` where it does not fit in an `Int`.
  ///
  /// For shapes that come from a file: `elementCount` traps on overflow.
  public var checkedElementCount: Int? {
    var count = 1
    for extent in extents {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      if overflow { return nil }
      count = product
    }
    return count
  }

  public subscript(axis: Int) -> Int {
    get { extents[axis] }
    set { extents[axis] = newValue }
  }

  public var description: String {
    "[" + extents.map(String.init).joined(separator: ", ") + "]"
  }
}

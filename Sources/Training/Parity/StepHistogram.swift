/// How far integers are from those they are held against.
public struct StepHistogram: Hashable, Sendable {
  public var equal = 0
  public var one = 0
  public var two = 0
  public var more = 0
  /// The largest difference.
  public var largest = 0

  public init() {}

  public var count: Int { equal + one + two + more }

  /// 1 where nothing was compared.
  public var equalShare: Double { count == 0 ? 1 : Double(equal) / Double(count) }

  @inline(__always)
  public mutating func add(_ difference: Int) {
    let steps = abs(difference)
    switch steps {
    case 0: equal += 1
    case 1: one += 1
    case 2: two += 1
    default: more += 1
    }
    largest = max(largest, steps)
  }

  public mutating func add(
    _ a: UnsafeBufferPointer<Int8>, _ b: UnsafeBufferPointer<Int8>
  ) {
    precondition(a.count == b.count, "\(a.count) and \(b.count) integers")
    for i in a.indices { add(Int(a[i]) - Int(b[i])) }
  }

  public static func += (a: inout StepHistogram, b: StepHistogram) {
    a.equal += b.equal
    a.one += b.one
    a.two += b.two
    a.more += b.more
    a.largest = max(a.largest, b.largest)
  }
}

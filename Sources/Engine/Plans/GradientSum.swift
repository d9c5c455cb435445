/// The parts of a value's gradient, and a place for their sum where they are not one array already.
final class GradientSum {
  private let parts: UnsafeMutableBufferPointer<Contribution>
  private let sum: Rows?
  private let rowCount: Int

  /// - Parameter sum: gets the sum of all parts; `nil` where the reader adds them up itself.
  init(_ parts: [Contribution], sum: Rows?, rowCount: Int) {
    self.parts = .allocate(capacity: parts.count)
    _ = self.parts.initialize(from: parts)
    (self.sum, self.rowCount) = (sum, rowCount)
  }

  deinit { parts.deallocate() }

  var contributions: UnsafeBufferPointer<Contribution> { UnsafeBufferPointer(parts) }

  func run(_ state: PlanState) {
    guard let sum else { return }
    sumContributions(contributions, to: sum, rowCount: rowCount, tile: state.tiles.a)
  }
}

import Graphs
import Tensors

extension TrainingPlan {
  /// `gain · Σ (x - t)² / Σ t²` of a value kept by this plan against one kept by another, on the same
  /// pictures; its gradient goes where the backward pass takes it in.
  ///
  /// The sum of squares below makes one gain fit layers of any size. Tile by tile in a fixed order;
  /// allocates nothing.
  ///
  /// - Parameters:
  ///   - value, teacherValue: of equal shape; both among `PlanOptions.kept`.
  package func matchFeature(
    _ value: Int, to teacher: InferencePlan, _ teacherValue: Int, gain: Float
  ) -> Float {
    guard let x = plan.keptRows(value), let t = teacher.plan.keptRows(teacherValue),
      let gradient = plan.compiled.gradientAddress[value]
    else { preconditionFailure("\(graph.values[value].name) is not kept") }
    let C = x.rows.channels
    let rowCount = batchSize * graph.values[value].shape.elementCount / C
    precondition(t.rows.channels == C, "\(C) channels, \(t.rows.channels) of the teacher's")
    let (own, other) = (plan.state.tiles.a, plan.state.tiles.b)
    let step = Tile.rowCount(C: C)
    func forEachTile(_ body: (_ row: Int, _ count: Int) -> Void) {
      for row in stride(from: 0, to: rowCount, by: step) {
        let n = min(step, rowCount - row)
        loadTile(x.rows, row: row, rowCount: n, decoding: x.decoding, own)
        loadTile(t.rows, row: row, rowCount: n, decoding: t.decoding, other)
        body(row, n * C)
      }
    }
    var (difference, size) = (0.0, 0.0)
    forEachTile { _, count in
      var (d, s) = (Lanes.zero, Lanes.zero)
      forEachLanes(count) { i, n in
        let b = Lanes(loading: other + i, upTo: n)
        let c = Lanes(loading: own + i, upTo: n) - b
        d = d.adding(c, times: c)
        s = s.adding(b, times: b)
      }
      for lane in 0..<Lanes.width {
        difference += Double(d[lane])
        size += Double(s[lane])
      }
    }
    let divisor = max(size, .leastNormalMagnitude)
    let factor = Lanes(repeating: Float(2 * Double(gain) / divisor))
    forEachTile { row, count in
      let out = gradient + row * C
      forEachLanes(count) { i, n in
        let c = Lanes(loading: own + i, upTo: n) - Lanes(loading: other + i, upTo: n)
        (c * factor).store(out + i, upTo: n)
      }
    }
    return Float(Double(gain) * difference / divisor)
  }
}

extension Plan {
  /// The rows of a value in `PlanOptions.kept`, and what makes them real numbers.
  func keptRows(_ value: Int) -> Pointwise.Operand? {
    guard compiled.kept.contains(value), let rows = compiled.rows[value] else { return nil }
    return state.operand(rows, site: compiled.sites[value])
  }
}

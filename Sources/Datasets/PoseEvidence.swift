/// A label row read as a box and key points: `class x y width height`, then `x y` or `x y visible`
/// for each point.
struct PoseRow {
  var pointCount: Int
  /// Whether the points spread over at least a quarter of the box both ways, as those of a pose do.
  var isSpread: Bool

  /// `nil` if the row cannot be that: the box leaves the image, or a point that is seen the box.
  // bounded: whole points follow the fifth value, checked first; the rest is doubles
  init?(_ values: [Double], valuesPerPoint: Int) {
    guard values.count > 5, (values.count - 5) % valuesPerPoint == 0 else { return nil }
    pointCount = (values.count - 5) / valuesPerPoint
    let (x, y, width, height) = (values[1], values[2], values[3], values[4])
    guard width > 0, height > 0 else { return nil }
    // Points are set by hand and boxes rounded.
    let slack = 0.02
    for (centre, extent) in [(x, width), (y, height)] {
      guard centre - extent / 2 >= -slack, centre + extent / 2 <= 1 + slack else { return nil }
    }
    var low = SIMD2(Double.infinity, .infinity)
    var high = -low
    for i in stride(from: 5, to: values.count, by: valuesPerPoint) {
      if valuesPerPoint == 3 {
        guard [0, 1, 2].contains(values[i + 2]) else { return nil }
        if values[i + 2] == 0 { continue }
      }
      let point = SIMD2(values[i], values[i + 1])
      guard abs(point[0] - x) <= width / 2 + slack, abs(point[1] - y) <= height / 2 + slack else {
        return nil
      }
      low = pointwiseMin(low, point)
      high = pointwiseMax(high, point)
    }
    isSpread = high[0] - low[0] >= width / 4 && high[1] - low[1] >= height / 4
  }
}

/// Whether a split's label rows are poses, which have as many columns as polygons have.
///
/// They are if every row has the same number of columns, and its columns 2 to 5 box the points that
/// the others make, in pairs or in threes with a visibility of 0, 1 or 2. Small polygons are boxed
/// so too where they lie right (their first point and second point as centre and size), but then by
/// a box much larger than they are.
struct PoseEvidence {
  private var firstPlace: String?
  private var columnCount = 0
  private var rowCount = 0
  private var spreadCount = 0
  private var canBePairs = true
  private var canBeThrees = true

  mutating func take(_ values: [Double], place: @autoclosure () -> String) {
    guard canBePairs || canBeThrees else { return }
    if rowCount == 0 {
      firstPlace = place()
      columnCount = values.count
    }
    rowCount += 1
    guard values.count == columnCount, values.count > 5 else {
      (canBePairs, canBeThrees) = (false, false)
      return
    }
    if canBeThrees { canBeThrees = PoseRow(values, valuesPerPoint: 3) != nil }
    if canBePairs {
      let row = PoseRow(values, valuesPerPoint: 2)
      canBePairs = row != nil
      if let row, row.isSpread { spreadCount += 1 }
    }
  }

  // bounded: columnCount is above 5 while one of both can be; rows lay in memory
  /// What speaks for poses; `nil` if nothing does.
  var error: DataError? {
    guard let firstPlace, canBeThrees || canBePairs else { return nil }
    let valuesPerPoint = canBeThrees ? 3 : 2
    let pointCount = (columnCount - 5) / valuesPerPoint
    // A single point has no spread; then many rows have to agree.
    let isLikely = canBeThrees || (pointCount == 1 ? rowCount >= 4 : spreadCount * 2 >= rowCount)
    guard isLikely else { return nil }
    return .badConfiguration(
      path: firstPlace,
      reason: "this row and all others of the split look like pose labels, a box and \(pointCount) "
        + "key point\(pointCount == 1 ? "" : "s") of \(valuesPerPoint) values; only boxes and polygons are read: keep the first five "
        + "columns")
  }
}

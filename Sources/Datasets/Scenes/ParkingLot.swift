import Glibc
import Tensors

/// The plan of a parking lot seen from above: rows of bays and the lanes between them.
///
/// Rows run along x. *Units:* metres.
struct ParkingLot {
  struct Bay {
    /// The open side first, then around.
    var corners: [Vector]
    var center: Point
    /// Where a car driven straight in points.
    var heading: Float
    var isAlongLane: Bool
  }

  struct Row {
    var bays: [Bay]
    /// Where a bay was left out for a green island.
    var islands: [[Vector]]
    /// From the lane to the closed end.
    var front: Float
    var back: Float
  }

  var rows: [Row] = []
  /// The middle of each lane.
  var lanes: [Float] = []
  /// Half the size of the paved ground.
  var halfSize: Point = .zero

  init(using random: inout Philox) {
    let columns = 6 + random.integer(below: 9)
    let alongLane = random.chance(0.12)
    let slant: Float = alongLane ? 0 : random.pick([0, 0, 0, 0, 0.3, 0.5])
    // Slanted bays take more of the lane, so that cars keep their distance.
    let width =
      alongLane
      ? random.uniform(5.6, 6.3)
      : random.uniform(2.35, 2.75) * (1 + slant * slant).squareRoot()
    let depth = alongLane ? random.uniform(2.1, 2.4) : random.uniform(4.6, 5.3)
    let laneWidth = random.uniform(4.6, 6.8)
    let count = alongLane ? 2 : random.pick([1, 2, 2, 3, 3, 4])
    let bayCount = alongLane ? max(3, columns / 2) : columns

    // (front, back) of each row, from one side to the other: lane, row, row, lane, row …
    var intervals: [(front: Float, back: Float)] = []
    var y: Float = 0
    var sinceLane = random.chance(0.5) ? 0 : 1
    for _ in 0..<count {
      if sinceLane == 0 {
        // Faces a lane on its far side.
        intervals.append((y + depth, y))
        y += depth
        lanes.append(y + laneWidth / 2)
        y += laneWidth
        sinceLane = 1
      } else {
        if lanes.isEmpty {
          lanes.append(y + laneWidth / 2)
          y += laneWidth
        }
        intervals.append((y, y + depth))
        y += depth + (random.chance(0.4) ? random.uniform(0.3, 1.8) : 0)
        sinceLane = 0
      }
    }
    let middle = y / 2
    lanes = lanes.map { $0 - middle }
    for interval in intervals {
      let (front, back) = (interval.front - middle, interval.back - middle)
      let start = -Float(bayCount) * width / 2 + random.bell(0.4)
      let shift = abs(back - front) * slant
      let leftOut = random.chance(0.35) ? random.integer(below: bayCount) : -1
      var row = Row(bays: [], islands: [], front: front, back: back)
      for i in 0..<bayCount {
        let x = start + Float(i) * width
        let corners = [
          Vector(x, front, 0), Vector(x + width, front, 0), Vector(x + width + shift, back, 0),
          Vector(x + shift, back, 0),
        ]
        if i == leftOut {
          row.islands.append(corners)
          continue
        }
        let heading = alongLane ? 0 : atan2f(back - front, shift)
        row.bays.append(
          Bay(
            corners: corners,
            center: Point(x + (width + shift) / 2, (front + back) / 2), heading: heading,
            isAlongLane: alongLane))
      }
      rows.append(row)
    }
    halfSize = Point(
      Float(bayCount) * width / 2 + depth * slant + random.uniform(1.5, 7),
      middle + random.uniform(0.4, 2.5))
  }

  /// How far (x, y) lies inside the paved ground, negative outside.
  @inline(__always)
  func depthInside(_ x: Float, _ y: Float) -> Float {
    min(halfSize.x - abs(x), halfSize.y - abs(y))
  }
}

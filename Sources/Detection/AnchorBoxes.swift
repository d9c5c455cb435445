/// The boxes that the anchors of one image give, each kind of corner in an array of its own, so that
/// sixteen anchors are compared with a target at a time.
///
/// Anchors are numbered level by level; a level begins at a multiple of 16, which leaves places that
/// stand for no anchor. Boxes are decoded when they are asked for, in blocks of 16.
/// *Units:* pixels of the network's input.
final class AnchorBoxes {
  let geometry: [LevelGeometry]
  /// The number of each level's first anchor.
  let firstAnchor: [Int]
  /// Places in the arrays: at least 16 more than the greatest number.
  let capacity: Int
  /// The corners, and atan(width / height).
  let left, top, right, bottom, angle: UnsafeMutablePointer<Float>
  /// Of the anchors, in cells of their level.
  private let centreX, centreY: UnsafeMutablePointer<Float>
  private let isDecoded: UnsafeMutableBufferPointer<Bool>
  private let bins: UnsafeMutablePointer<Lanes>
  private let memory: UnsafeMutablePointer<Float>

  init(geometry: [LevelGeometry]) {
    self.geometry = geometry
    var first: [Int] = []
    var count = 0
    for level in geometry {
      first.append(count)
      count += (level.cellCount + 15) / 16 * 16
    }
    firstAnchor = first
    capacity = count + 16
    memory = .allocate(capacity: 7 * capacity)
    memory.initialize(repeating: 0, count: 7 * capacity)
    (left, top, right, bottom) = (
      memory, memory + capacity, memory + 2 * capacity, memory + 3 * capacity
    )
    (angle, centreX, centreY) = (
      memory + 4 * capacity, memory + 5 * capacity, memory + 6 * capacity
    )
    isDecoded = .allocate(capacity: count / 16)
    isDecoded.initialize(repeating: false)
    bins = .allocate(capacity: 16)
    bins.initialize(repeating: Lanes(repeating: 0), count: 16)
    for (number, level) in geometry.enumerated() {
      for cell in 0..<level.cellCount {
        centreX[first[number] + cell] = Float(cell % level.width) + 0.5
        centreY[first[number] + cell] = Float(cell / level.width) + 0.5
      }
    }
  }

  deinit {
    memory.deallocate()
    isDecoded.deallocate()
    bins.deallocate()
  }

  /// Forgets the boxes, before another image.
  func forget() { isDecoded.update(repeating: false) }

  /// Makes sure of the boxes of `cells` of a level, whose logits for all images are `boxes`.
  @inline(__always)
  func decode(
    _ cells: Range<Int>, level number: Int, image: Int, boxes: UnsafePointer<Float>
  ) {
    let first = firstAnchor[number] / 16
    for block in (cells.lowerBound / 16)..<((cells.upperBound + 15) / 16)
    where !isDecoded[first + block] {
      isDecoded[first + block] = true
      decodeBlock(block, level: number, image: image, boxes: boxes)
    }
  }

  private func decodeBlock(
    _ block: Int, level number: Int, image: Int, boxes: UnsafePointer<Float>
  ) {
    let level = geometry[number]
    // The last block reaches beyond the level: it begins earlier, over anchors that get the same
    // boxes once more. A level of fewer than 16 cells goes cell by cell.
    let cell = min(16 * block, max(level.cellCount - 16, 0))
    let anchor = firstAnchor[number] + cell
    let logits = boxes + (image * level.cellCount + cell) * BoxEncoding.channelCount
    var distances = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
    if level.cellCount >= 16 {
      let bins = BoxEncoding.binCount
      distances.0 = expectedDistances(logits)
      distances.1 = expectedDistances(logits + bins)
      distances.2 = expectedDistances(logits + 2 * bins)
      distances.3 = expectedDistances(logits + 3 * bins)
    } else {
      for lane in 0..<level.cellCount {
        let bins = BoxEncoding.binCount
        let logits = logits + lane * BoxEncoding.channelCount
        distances.0[lane] = SideDistribution.distance(logits: logits)
        distances.1[lane] = SideDistribution.distance(logits: logits + bins)
        distances.2[lane] = SideDistribution.distance(logits: logits + 2 * bins)
        distances.3[lane] = SideDistribution.distance(logits: logits + 3 * bins)
      }
    }
    let x = load16(centreX + anchor)
    let y = load16(centreY + anchor)
    let stride = Float(level.stride)
    let x0 = (x - distances.0) * stride
    let y0 = (y - distances.1) * stride
    let x1 = (x + distances.2) * stride
    let y1 = (y + distances.3) * stride
    store16(x0, to: left + anchor)
    store16(y0, to: top + anchor)
    store16(x1, to: right + anchor)
    store16(y1, to: bottom + anchor)
    store16(arctangent(x1 - x0, over: y1 - y0 + overlapEpsilon), to: angle + anchor)
  }

  /// The expected distances of one side of 16 cells one after another, in cells.
  @inline(__always)
  private func expectedDistances(_ logits: UnsafePointer<Float>) -> Lanes {
    transpose16(logits, stride: BoxEncoding.channelCount, into: bins)
    var maximum = bins[0]
    for bin in 1..<16 { maximum = higher(maximum, bins[bin]) }
    var sum = exponential(bins[0] - maximum)
    var weighted = Lanes(repeating: 0)
    for bin in 1..<16 {
      let e = exponential(bins[bin] - maximum)
      sum += e
      weighted += e * Float(bin)
    }
    return weighted / sum
  }
}

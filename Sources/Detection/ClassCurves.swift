/// The precision and recall of one class at every IoU threshold, size range and detection limit.
struct ClassCurves {
  /// One detection after matching; bit t of a mask belongs to IoU threshold t.
  private struct Result {
    var score: Double
    /// Its place among the detections of its picture, best first.
    var rank: Int
    /// By size range: found an object.
    var isMatched: SIMD4<UInt16> = .zero
    /// By size range: does not count.
    var isIgnored: SIMD4<UInt16> = .zero
  }

  /// Objects that count, by size range.
  private(set) var objectCounts = [Int](repeating: 0, count: 4)
  /// Best score first; of equal ones the earlier picture, then the better rank.
  private var results: [Result] = []

  init(_ boxes: DetectionEvaluator.ClassBoxes) {
    let objects = boxes.objects.indices.sorted {
      (boxes.objects[$0].image, $0) < (boxes.objects[$1].image, $1)
    }
    let found = boxes.found.indices.sorted { a, b in
      let (x, y) = (boxes.found[a], boxes.found[b])
      if x.image != y.image { return x.image < y.image }
      return x.score != y.score ? x.score > y.score : a < b
    }
    var (object, detection) = (0, 0)
    while object < objects.count || detection < found.count {
      let image = min(
        object < objects.count ? boxes.objects[objects[object]].image : .max,
        detection < found.count ? boxes.found[found[detection]].image : .max)
      var pictureObjects: [DetectionEvaluator.Object] = []
      while object < objects.count, boxes.objects[objects[object]].image == image {
        pictureObjects.append(boxes.objects[objects[object]])
        object += 1
      }
      var pictureFound: [DetectionEvaluator.Found] = []
      while detection < found.count, boxes.found[found[detection]].image == image {
        if pictureFound.count < DetectionEvaluator.detectionLimits[2] {
          pictureFound.append(boxes.found[found[detection]])
        }
        detection += 1
      }
      match(pictureFound, to: pictureObjects)
    }
    let order = results.indices.sorted {
      results[$0].score != results[$1].score ? results[$0].score > results[$1].score : $0 < $1
    }
    results = order.map { results[$0] }
  }

  /// Matches the detections of one picture, best first, in every size range and at every threshold.
  private mutating func match(
    _ found: [DetectionEvaluator.Found], to objects: [DetectionEvaluator.Object]
  ) {
    let overlaps = found.map { detection in objects.map { overlap(detection.box, $0) } }
    var matched = found.enumerated().map { Result(score: $1.score, rank: $0) }
    for (area, range) in DetectionEvaluator.areaRanges.enumerated() {
      let isIgnored = objects.map { $0.isCrowd || !range.contains($0.area) }
      let order =
        objects.indices.filter { !isIgnored[$0] } + objects.indices.filter { isIgnored[$0] }
      objectCounts[area] += isIgnored.count { !$0 }

      for (bit, threshold) in DetectionEvaluator.overlapThresholds.enumerated() {
        let mask = UInt16(1) << UInt16(bit)
        var isTaken = [Bool](repeating: false, count: objects.count)
        for (number, detection) in found.enumerated() {
          var best = min(threshold, 1 - 1e-10)
          var choice: Int?
          for index in order {
            if isTaken[index] && !objects[index].isCrowd { continue }
            if let chosen = choice, !isIgnored[chosen], isIgnored[index] { break }
            if overlaps[number][index] < best { continue }
            best = overlaps[number][index]
            choice = index
          }
          var isMatched = false
          if let choice {
            isTaken[choice] = true
            isMatched = objects[choice].countsWhenFound
            if isIgnored[choice] { matched[number].isIgnored[area] |= mask }
          }
          if isMatched {
            matched[number].isMatched[area] |= mask
          } else if !range.contains(detection.box.area) {
            matched[number].isIgnored[area] |= mask
          }
        }
      }
    }
    results += matched
  }

  /// IoU; for a crowd the part of the detection that lies in it.
  private func overlap(_ box: COCOBox, _ object: DetectionEvaluator.Object) -> Double {
    let other = object.box
    let width = min(box.left + box.width, other.left + other.width) - max(box.left, other.left)
    guard width > 0 else { return 0 }
    let height = min(box.top + box.height, other.top + other.height) - max(box.top, other.top)
    guard height > 0 else { return 0 }
    let inner = width * height
    return inner / (object.isCrowd ? box.area : box.area + other.area - inner)
  }

  /// Precision at the 101 recalls of each threshold; empty if nothing is there to be found.
  func precision(thresholds: Range<Int>, area: Int) -> [Double] {
    guard objectCounts[area] > 0 else { return [] }
    return thresholds.flatMap { precision(threshold: $0, area: area) }
  }

  private func precision(threshold: Int, area: Int) -> [Double] {
    let mask = UInt16(1) << UInt16(threshold)
    var recalls: [Double] = []
    var precisions: [Double] = []
    recalls.reserveCapacity(results.count)
    precisions.reserveCapacity(results.count)
    var (right, wrong) = (0.0, 0.0)
    for result in results {
      if result.isIgnored[area] & mask == 0 {
        if result.isMatched[area] & mask != 0 { right += 1 } else { wrong += 1 }
      }
      recalls.append(right / Double(objectCounts[area]))
      precisions.append(right / (wrong + right + Double.ulpOfOne))
    }
    for index in stride(from: precisions.count - 1, to: 0, by: -1)
    where precisions[index] > precisions[index - 1] {
      precisions[index - 1] = precisions[index]
    }
    var index = 0
    return DetectionEvaluator.recalls.map { wanted in
      while index < recalls.count && recalls[index] < wanted { index += 1 }
      return index < recalls.count ? precisions[index] : 0
    }
  }

  /// The recall at each threshold; empty if nothing is there to be found.
  func recall(area: Int, limit: Int) -> [Double] {
    guard objectCounts[area] > 0 else { return [] }
    let ranks = DetectionEvaluator.detectionLimits[limit]
    return DetectionEvaluator.overlapThresholds.indices.map { threshold in
      let mask = UInt16(1) << UInt16(threshold)
      let right = results.count {
        $0.rank < ranks && $0.isMatched[area] & mask != 0 && $0.isIgnored[area] & mask == 0
      }
      return Double(right) / Double(objectCounts[area])
    }
  }

  /// What counts at IoU 0.50 over all sizes, best score first.
  func scoredResults() -> [(score: Double, isRight: Bool)] {
    results.filter { $0.isIgnored[0] & 1 == 0 }.map { ($0.score, $0.isMatched[0] & 1 != 0) }
  }
}

import Detection

/// Logits and gradients of a small head, with memory of its own.
final class HeadFixture {
  let levels: [HeadLevel]
  let classCount: Int
  let batchSize: Int

  init(
    batchSize: Int, classCount: Int, geometry: [LevelGeometry], boxes: (Int, Int) -> [Float],
    classes: (Int, Int) -> [Float]
  ) {
    self.classCount = classCount
    self.batchSize = batchSize
    levels = geometry.enumerated().map { index, level in
      let cells = batchSize * level.cellCount
      // Gradients start as rubbish: the loss has to overwrite all of them.
      return HeadLevel(
        boxes: Self.memory(boxes(index, cells * 64)),
        classes: Self.memory(classes(index, cells * classCount)),
        boxGradients: Self.memory([Float](repeating: .nan, count: cells * 64)),
        classGradients: Self.memory([Float](repeating: .nan, count: cells * classCount)),
        height: level.height, width: level.width, stride: level.stride)
    }
  }

  convenience init(
    name: String, batchSize: Int, classCount: Int, geometry: [LevelGeometry]
  ) {
    self.init(
      batchSize: batchSize, classCount: classCount, geometry: geometry,
      boxes: { GoldenFormula.signed(count: $1, name: "boxes.\(name).\($0)", scale: 4) },
      classes: {
        GoldenFormula.signed(count: $1, name: "classes.\(name).\($0)", scale: 3, offset: -1)
      })
  }

  deinit {
    for level in levels {
      level.boxes.deallocate()
      level.classes.deallocate()
      level.boxGradients.deallocate()
      level.classGradients.deallocate()
    }
  }

  func boxGradients(_ level: Int) -> [Float] {
    let count = batchSize * levels[level].geometry.cellCount * 64
    return Array(UnsafeBufferPointer(start: levels[level].boxGradients, count: count))
  }

  func classGradients(_ level: Int) -> [Float] {
    let count = batchSize * levels[level].geometry.cellCount * classCount
    return Array(UnsafeBufferPointer(start: levels[level].classGradients, count: count))
  }

  private static func memory(_ values: [Float]) -> UnsafeMutablePointer<Float> {
    let pointer = UnsafeMutablePointer<Float>.allocate(capacity: max(values.count, 1))
    pointer.initialize(from: values, count: values.count)
    return pointer
  }
}

extension TaskAlignedAssigner {
  func assign(
    image: Int, levels: [HeadLevel], targets: [BoxTarget], to assignments: inout [Assignment]
  ) {
    targets.withUnsafeBufferPointer {
      assign(image: image, levels: levels, targets: $0, to: &assignments)
    }
  }
}

import Detection
import Testing

@Suite struct TaskAlignedAssignerTests {
  static let geometry = [
    LevelGeometry(height: 8, width: 8, stride: 8), LevelGeometry(height: 4, width: 4, stride: 16),
  ]

  /// A head whose every anchor gives the same box and the same probabilities.
  static func uniform() -> HeadFixture {
    HeadFixture(
      batchSize: 1, classCount: 1, geometry: geometry,
      boxes: { [Float](repeating: $0 == 0 ? 0 : -1, count: $1) },
      classes: { [Float](repeating: Float($0), count: $1) })
  }

  static func assign(_ fixture: HeadFixture, _ targets: [BoxTarget]) -> [Assignment] {
    var assignments: [Assignment] = []
    TaskAlignedAssigner(geometry: geometry, classCount: 1, maximumTargets: 4)
      .assign(image: 0, levels: fixture.levels, targets: targets, to: &assignments)
    return assignments
  }

  @Test func `a target claims ten anchors whose centres it contains`() {
    let target = BoxTarget(classIndex: 0, corners: SIMD4(0, 0, 64, 64))
    let assignments = Self.assign(Self.uniform(), [target])
    #expect(assignments.count == 10)
    #expect(assignments.allSatisfy { $0.target == 0 && $0.score > 0 && $0.score <= 1 })
    let corner = BoxTarget(classIndex: 0, corners: SIMD4(0, 0, 23, 23))
    for assignment in Self.assign(Self.uniform(), [corner]) {
      let level = Self.geometry[assignment.level]
      let x = (Float(assignment.cell % level.width) + 0.5) * Float(level.stride)
      let y = (Float(assignment.cell / level.width) + 0.5) * Float(level.stride)
      #expect(x < 23 && y < 23)
    }
  }

  @Test func `of equally good anchors the lowest indices are claimed`() {
    // Wide as the picture and centred, so that the four middle anchors of a level tie exactly.
    let target = BoxTarget(classIndex: 0, corners: SIMD4(0, 0, 64, 64))
    let best = Self.assign(Self.uniform(), [target]).filter { $0.level == 1 }
    let middle = best.filter { [5, 6, 9, 10].contains($0.cell) }.map(\.cell)
    #expect(middle == middle.sorted())
  }

  @Test func `an anchor that two targets claim goes to the greater overlap`() {
    // With uniform bins an anchor's box reaches 7.5 cells to each side.
    let good = BoxTarget(classIndex: 0, corners: SIMD4(-20, -20, 84, 84))
    let poor = BoxTarget(classIndex: 0, corners: SIMD4(0, 0, 64, 50))
    let assignments = Self.assign(Self.uniform(), [poor, good])
    var seen: Set<[Int]> = []
    for assignment in assignments {
      #expect(seen.insert([assignment.level, assignment.cell]).inserted)
    }
    let level = assignments.filter { $0.level == 0 && [27, 28, 35, 36].contains($0.cell) }
    #expect(level.allSatisfy { $0.target == 1 })
  }

  @Test func `of two equal targets the first gets everything`() {
    let target = BoxTarget(classIndex: 0, corners: SIMD4(4, 4, 60, 60))
    let assignments = Self.assign(Self.uniform(), [target, target])
    #expect(assignments.count == 10)
    #expect(assignments.allSatisfy { $0.target == 0 })
  }

  @Test func `a small target between all anchors is still found`() {
    // Its box holds no centre (12, 12); with sides of the second stride, 16, it holds some.
    let target = BoxTarget(classIndex: 0, corners: SIMD4(9, 9, 11.5, 11.5))
    let fixture = HeadFixture(
      batchSize: 1, classCount: 1, geometry: Self.geometry,
      boxes: { _, count in (0..<count).map { $0 % 16 < 2 ? 5 : -5 } },
      classes: { [Float](repeating: 0, count: $1) })
    #expect(!Self.assign(fixture, [target]).isEmpty)
  }

  /// Levels whose rows are no multiple of 16, one of fewer than 16 cells, and one like both.
  static let unevenGeometry = [(19, 23, 8), (10, 12, 16), (5, 3, 32)].map {
    LevelGeometry(height: $0.0, width: $0.1, stride: $0.2)
  }

  @Test(arguments: [1, 3, 40])
  func `sixteen anchors at a time choose what the plain version chooses`(targetCount: Int) {
    let (batchSize, classCount) = (3, 5)
    let fixture = HeadFixture(
      name: "uneven \(targetCount)", batchSize: batchSize, classCount: classCount,
      geometry: Self.unevenGeometry)
    let assigner = TaskAlignedAssigner(
      geometry: Self.unevenGeometry, classCount: classCount, maximumTargets: 2)
    var positiveCount = 0
    for image in 0..<batchSize {
      let numbers = GoldenFormula.signed(
        count: 5 * targetCount, name: "targets \(image)", scale: 0.5, offset: 0.5)
      let targets = (0..<targetCount).map { index in
        let n = numbers[(5 * index)..<(5 * index + 5)].map { abs($0) }
        let corner = SIMD2(n[0] * 140, n[1] * 110)
        return BoxTarget(
          classIndex: Int32(n[4] * 4.99),
          corners: SIMD4(
            corner.x, corner.y, corner.x + 2 + n[2] * 120, corner.y + 2 + n[3] * 120))
      }
      var found: [Assignment] = []
      assigner.assign(image: image, levels: fixture.levels, targets: targets, to: &found)
      let expected = referenceAssignments(
        image: image, levels: fixture.levels, targets: targets, classCount: classCount)
      func places(_ list: [Assignment]) -> [[Int]] {
        list.map { [$0.image, $0.level, $0.cell, $0.target] }
      }
      #expect(places(found) == places(expected))
      for (a, b) in zip(found, expected) {
        // CIoU is off by a few 1e-7, of which the sixth power is taken.
        #expect(isClose(a.score, b.score, tolerance: 1e-5, floor: 1e-3))
      }
      positiveCount += found.count
    }
    #expect(positiveCount > targetCount)
  }

  @Test func `no targets, no assignments`() {
    #expect(Self.assign(Self.uniform(), []).isEmpty)
  }
}

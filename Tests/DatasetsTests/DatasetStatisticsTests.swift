import Datasets
import Foundation
import Images
import Testing

@Suite struct DatasetStatisticsTests {
  @Test func `Counts, sizes and classes add up`() throws {
    let size = ImageSize(width: 400, height: 200)
    let dataset = Dataset(
      classNames: ["person", "car", "dog"],
      samples: [
        Sample(
          imagePath: "a",
          boxes: [
            LabeledBox(classIndex: 0, corners: [0, 0, 10, 10]),
            LabeledBox(classIndex: 0, corners: [0, 0, 50, 50]),
            LabeledBox(classIndex: 1, corners: [0, 0, 200, 100]),
          ], identifier: 0, size: size),
        Sample(
          imagePath: "b", boxes: [],
          ignoredBoxes: [LabeledBox(classIndex: 0, corners: [0, 0, 9, 9])], identifier: 1,
          size: ImageSize(width: 100, height: 300)),
      ],
      skipped: [
        SkippedItem(.mended, place: "a.txt:3", reason: "clipped"),
        SkippedItem(.skipped, place: "c.jpg", reason: "damaged"),
      ])
    let statistics = DatasetStatistics(dataset)
    #expect(statistics.pictureCount == 2 && statistics.backgroundCount == 1)
    #expect(statistics.boxCount == 3 && statistics.ignoredBoxCount == 1)
    #expect(statistics.classes.map(\.boxCount) == [2, 1, 0])
    #expect(statistics.classes.map(\.pictureCount) == [1, 1, 0])
    #expect(statistics.smallBoxCount == 1)
    #expect(statistics.mediumBoxCount == 1 && statistics.largeBoxCount == 1)
    #expect(statistics.medianRelativeSize == 0.125)
    #expect(statistics.smallestWidth == 100 && statistics.largestHeight == 300)
    #expect(statistics.mendedCount == 1 && statistics.skippedCount == 1)
    #expect(statistics.text().contains("c.jpg: damaged"))
    let copy = try JSONDecoder().decode(
      DatasetStatistics.self, from: JSONEncoder().encode(statistics))
    #expect(copy == statistics)
  }
}

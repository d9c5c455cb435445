import Datasets
import Images
import Testing

@Suite struct FingerprintTests {
  static func dataset(
    folder: String = "/a/", name: String = "1.jpg", classes: [String] = ["car"], x: Float = 3
  ) -> Dataset {
    Dataset(
      classNames: classes,
      samples: [
        Sample(
          imagePath: folder + name,
          boxes: [LabeledBox(classIndex: 0, corners: [x, 0, 10, 10])], identifier: 0,
          size: ImageSize(width: 40, height: 20)),
        Sample(imagePath: folder + "2.jpg", boxes: [], identifier: 1),
      ])
  }

  @Test func `the same data elsewhere has the same fingerprint`() {
    #expect(Self.dataset().fingerprint == Self.dataset(folder: "/b/c/").fingerprint)
    #expect(Self.dataset().fingerprint.count == 16)
  }

  @Test func `names, classes, boxes and order change it`() {
    var reversed = Self.dataset()
    reversed.samples.reverse()
    let all = [
      Self.dataset(), Self.dataset(name: "3.jpg"), Self.dataset(classes: ["cart"]),
      Self.dataset(classes: ["c", "ar"]), Self.dataset(x: 3.5), reversed,
    ].map(\.fingerprint)
    #expect(Set(all).count == all.count)
  }
}

import Foundation
import Testing

@Suite(.enabled(if: Program.isBuilt, Comment(rawValue: Program.notBuilt)))
struct COCOCommandTests {
  @Test(
    .enabled(if: TestData.isThere("cocoapi-eval"), "the COCO API's example files are not there"))
  func `the COCO API's example result file has the numbers pycocotools gives it`() throws {
    let folder = "\(TestData.folder)/cocoapi-eval"
    let outcome = try Program.run(
      "evaluate", "--ground-truth", "\(folder)/gt/instances_val2014_100.json", "--detections",
      "\(folder)/results/instances_val2014_fakebbox100_results.json", "--json")
    #expect(outcome.code == 0)
    let json = try outcome.json()
    let expected = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(fileURLWithPath: "\(folder)/expected_pycocotools.json")))
    let numbers = try #require((expected as? [String: [Double]])?["val2014_100/bbox"])
    let names = [
      "AP", "AP50", "AP75", "APsmall", "APmedium", "APlarge", "AR1", "AR10", "AR100", "ARsmall",
      "ARmedium", "ARlarge",
    ]
    for (name, number) in zip(names, numbers) {
      // What pycocotools calls −1: there is nothing to find.
      guard number >= 0 else {
        #expect(json[name] is NSNull, "\(name)")
        continue
      }
      let value = try #require(json[name] as? Double, "\(name)")
      // The expected numbers are written with six decimals.
      #expect(abs(value - number) <= 1e-6, "\(name)")
    }
  }
}

import Foundation
import Testing

/// `checkpoint show` of a file of weights.
@Suite(.enabled(if: Program.isBuilt, Comment(rawValue: Program.notBuilt)))
struct WeightFileCommandTests {
  private func fixture(_ name: String) -> String {
    "\(Program.root)/Tests/WeightFilesTests/Fixtures/\(name)"
  }

  @Test func `a file's facts and tensors are shown`() throws {
    let shown = try Program.run("checkpoint", "show", fixture("model.pt"))
    #expect(shown.code == 0)
    for line in ["family yolov8, variant n", "task detect", "classes 2: person, car"] {
      #expect(shown.output.contains(line), "\(line)")
    }
    #expect(shown.output.contains("model.0.conv.weight"))
  }

  @Test func `the same as JSON, with statistics and convolutions`() throws {
    let shown = try Program.run(
      "checkpoint", "show", fixture("float.onnx"), "--json", "--statistics", "--only", "*.weight")
    let document = try shown.json()
    #expect(document["format"] as? String == "ONNX")
    #expect(document["classes"] as? [String] == ["person", "traffic 'light'"])
    let tensors = try #require(document["tensors"] as? [[String: Any]])
    #expect(tensors.count == 4 && tensors.allSatisfy { $0["nonFinite"] as? Int == 0 })
    let convolutions = try #require(document["convolutions"] as? [[String: Any]])
    #expect(convolutions.map { $0["inputs"] as? [Int] } == [[-1], [0], [0], [1, 2]])
  }

  @Test(arguments: ["torchscript.pt", "other.pt", "program.pt", "external.onnx", "objects.npz"])
  func `a file that is refused ends in one sentence and exit code 65`(_ name: String) throws {
    let shown = try Program.run("checkpoint", "show", fixture(name))
    #expect(shown.code == 65 && shown.output.isEmpty && shown.sentences.count == 1)
  }

  @Test func `options of checkpoints do not apply`() throws {
    let shown = try Program.run("checkpoint", "show", fixture("model.pt"), "--site")
    #expect(shown.code == 64 && shown.sentences.count == 1)
  }
}

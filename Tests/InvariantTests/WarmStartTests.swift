import Foundation
import Testing

/// A warm start takes what fits, and does not begin with next to nothing in silence.
@Suite(.serialized, .enabled(if: Program.isBuilt, "build the program first: make build"))
struct WarmStartTests {
  @Test func `another input size takes every weight; another network is refused`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let data = try DrawnData(small.run("data"), images: 8)
    let first = try Program.run(small.arguments("first", data.settings()))
    #expect(first.exitCode == 0, "\(first.errors)")
    func warm(_ name: String, _ more: [String]) throws -> Program.Outcome {
      try Program.run(
        small.arguments(
          name, data.settings() + ["--warm-start", small.run("first").path] + more), ranks: 2)
    }
    let larger = try warm("larger", ["--set", "model.inputSize=96"])
    #expect(larger.exitCode == 0, "\(larger.errors)")
    #expect(larger.output.contains("297 of 297 tensors taken\n"), "\(larger.output)")

    let other = ["--set", "model.architecture=yolov8s"]
    try warm("other", other).expectRefusal(
      64, "of 297 tensors", "% of the weights", "yolov8n, this run's yolov8s",
      "model.0.conv.weight",
      "--partial-weights")
    #expect(
      !FileManager.default.fileExists(atPath: small.run("other/checkpoints/step-00000000").path))
    let partial = try warm("partial", other + ["--partial-weights"])
    #expect(partial.exitCode == 0, "\(partial.errors)")
    #expect(partial.output.contains("have another shape"))
  }
}

import Checkpoints
import Foundation
import Tensors
import Testing

@Suite struct CheckpointTextTests {
  @Test func `a list shows step, epoch, metric, size, age, ranks and state`() throws {
    let run = try TemporaryFolder()
    let writer = CheckpointWriter(runFolder: run.path)
    try writer.write(sampleContents(step: 1, map: 0.125))
    try writer.write(sampleContents(step: 200, seed: 2, map: 0.5634567))
    let store = CheckpointStore(runFolder: run.path)
    try replaceBytes(store.path(step: 1) + "/shard-000.zst", [])
    let entries = try store.list()
    let written = try #require(entries[0].writtenSeconds)
    let lines = CheckpointEntry.table(entries, now: written + 300).split(separator: "\n")
    #expect(lines.count == 3)
    #expect(
      lines[0].split(separator: " ").map(String.init)
        == ["step", "epoch", "mAP50-95", "size", "age", "ranks", "state"])
    #expect(lines[1].contains(" 0.56346 ") && lines[1].contains(" 5 min "))
    #expect(lines[1].hasSuffix("2  complete"))
    #expect(lines[2].contains("damaged: ") && lines[2].contains("it has 0 bytes"))
    #expect(CheckpointEntry.table([]) == "no checkpoints")
    #expect(CheckpointEntry.table(entries, metric: "loss").contains("1.25"))
    #expect(try JSONValue(encoding: entries).array?[1]["problem"]?.string != nil)
  }

  @Test func `showing needs the manifest alone, statistics the tensors`() throws {
    let run = try TemporaryFolder()
    let contents = CheckpointContents(
      step: 7, epoch: 1, position: 2, recipe: ["lr": 0.01], metrics: ["loss": 2],
      tensors: [
        CheckpointTensor(
          name: "stem.weight", role: .parameter,
          tensor: Tensor([Float(-1), 2, .nan, 5, -.infinity], shape: [5])),
        CheckpointTensor(name: "empty", role: .ema, tensor: Tensor(shape: [0])),
      ])
    let path = try CheckpointWriter(runFolder: run.path).write(contents).path
    let reader = try CheckpointReader(path: path)
    let plain = try reader.description()
    #expect(plain.tensors[0].statistics == nil)
    #expect(plain.text.contains("step 7, epoch 1, position 2"))
    #expect(plain.text.contains("stem.weight  parameter  [5]    float32"))
    let full = try reader.description(withStatistics: true)
    let statistics = try #require(full.tensors[0].statistics)
    #expect(statistics.minimum == -1 && statistics.maximum == 5 && statistics.mean == 2)
    #expect(statistics.standardDeviation == 6.0.squareRoot())
    #expect(statistics.nanCount == 1 && statistics.infinityCount == 1)
    #expect(full.text.contains("2.44949"))
    #expect(full.tensors[1].statistics?.maximum == 0)
    #expect(try JSONValue(encoding: full)["tensors"]?.array?.count == 2)
  }
}

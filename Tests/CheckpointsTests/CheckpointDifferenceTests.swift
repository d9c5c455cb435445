import Checkpoints
import Foundation
import Tensors
import Testing

@Suite struct CheckpointDifferenceTests {
  private func difference(
    _ a: CheckpointContents, _ b: CheckpointContents
  ) throws -> CheckpointDifference {
    let (first, second) = (try TemporaryFolder(), try TemporaryFolder())
    return try Checkpoints.difference(
      CheckpointReader(path: CheckpointWriter(runFolder: first.path).write(a).path),
      CheckpointReader(path: CheckpointWriter(runFolder: second.path).write(b).path))
  }

  private func contents(_ values: [Float], name: String = "w") -> CheckpointContents {
    CheckpointContents(
      step: 1, epoch: 0, position: 1,
      tensors: [
        CheckpointTensor(
          name: name, role: .parameter, tensor: Tensor(values, shape: [values.count]))
      ])
  }

  @Test func `equal states are identical, whoever wrote them`() throws {
    var other = sampleContents()
    other.writer = WriterNote(worldSize: 8, details: ["host": "elsewhere"])
    other.tensors.reverse()
    let found = try difference(sampleContents(), other)
    #expect(found.identical)
    #expect(found.equalTensorCount == 35)
    #expect(found.text == "identical (35 tensors, bit by bit)")
  }

  @Test func `values of the manifest are named by their place`() throws {
    var other = sampleContents(step: 13)
    other.recipe = ["seed": 7, "optimizer": ["lr": 0.02, "name": "sgd"], "phases": ["float"]]
    let found = try difference(sampleContents(), other)
    #expect(!found.identical)
    #expect(found.manifest.map(\.place) == ["recipe.optimizer.lr", "recipe.phases", "step"])
    #expect(found.manifest[0].second == 0.02)
    #expect(found.text.contains("recipe.optimizer.lr: 0.01 in the first, 0.02 in the second"))
  }

  @Test func `names from the file stay on their lines and cannot steer a terminal`() throws {
    // A tensor's name holds no controls; other texts of a manifest may.
    let name = "a\u{202E}\u{2028}b"
    let (text, shown) = ("a\u{1B}[2J\nedgewise: b", "a\\u{1b}[2J\\nedgewise: b")
    var (first, second) = (contents([1, 2], name: name), contents([1, 3], name: name))
    first.recipe = ["name": .string(text)]
    first.libraries = ["data": text, text: "1"]
    first.writer.details = ["host": text]
    first.metrics = [text: 1]
    second.recipe = ["name": .string(text + "2")]
    let folder = try TemporaryFolder()
    let reader = try CheckpointReader(
      path: CheckpointWriter(runFolder: folder.path).write(first).path)
    let described = try reader.description(
      withStatistics: true, withHistograms: true, where: { _ in true }
    ).text
    let listed = CheckpointEntry.table(try CheckpointStore(runFolder: folder.path).list())
    #expect(described.contains(shown) && described.contains("a\\u{202e}\\u{2028}b"))
    for text in [
      described, listed, try difference(first, second).text,
      try difference(first, contents([1], name: "w")).text,
    ] {
      #expect(!text.unicodeScalars.contains { ["\u{1B}", "\u{202E}", "\u{2028}"].contains($0) })
      #expect(!text.contains("\nedgewise: b"))
    }
  }

  @Test func `tensors are compared bit by bit, with distances`() throws {
    let next = Float(1).nextUp.nextUp
    let found = try difference(
      contents([1, 2, 0, .nan, 5]), contents([next, 2, -0.0, 1, 4]))
    let tensor = try #require(found.tensors.first)
    #expect(tensor.differingCount == 4 && tensor.elementCount == 5)
    #expect(tensor.maximumAbsolute == 1)
    #expect(tensor.maximumRelative == 0.2)
    #expect(tensor.maximumULP == Int(Float(5).bitPattern - Float(4).bitPattern))
    #expect(tensor.nonFiniteCount == 1)

    let small = try difference(contents([1, -1, 0]), contents([next, -1, -0.0])).tensors[0]
    #expect(small.maximumULP == 2)
    #expect(try difference(contents([0]), contents([-0.0])).tensors[0].maximumULP == 1)
    #expect(try difference(contents([.nan]), contents([.nan])).identical)
  }

  @Test func `tensors of one side and of another shape are listed`() throws {
    var first = contents([1, 2])
    first.tensors.append(
      CheckpointTensor(name: "x", role: .bn, tensor: Tensor([Int32(1)], shape: [1])))
    var second = contents([1, 2, 3])
    second.tensors.append(
      CheckpointTensor(name: "x", role: .ema, tensor: Tensor([Int32(1)], shape: [1])))
    let found = try difference(first, second)
    #expect(found.onlyInFirst.map(\.description) == ["x (bn)"])
    #expect(found.onlyInSecond.map(\.description) == ["x (ema)"])
    #expect(found.tensors.first?.mismatch == "[2] of float32, [3] of float32")
    let coded = try JSONValue(encoding: found)
    #expect(coded["identical"] == false)
    #expect(try coded.decoded(as: CheckpointDifference.self) == found)
  }

  @Test(arguments: [DType.int8, .uint8, .int32, .int64, .float64, .bfloat16])
  func `every type can be compared`(dtype: DType) throws {
    func state(_ change: UInt8) -> CheckpointContents {
      var tensor = Tensor(shape: [3], dtype: dtype)
      tensor.withMutableBytes { $0[dtype.byteCount] = change }
      return CheckpointContents(
        step: 1, epoch: 0, position: 0,
        tensors: [CheckpointTensor(name: "t", role: .other, tensor: tensor)])
    }
    let found = try difference(state(0), state(2)).tensors[0]
    #expect(found.differingCount == 1)
    if dtype == .float64 || dtype == .bfloat16 {
      #expect(found.maximumULP == 2)
    } else {
      #expect(found.maximumAbsolute == 2 && found.maximumULP == nil)
    }
  }
}

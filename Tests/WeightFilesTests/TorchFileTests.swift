import Tensors
import Testing
import WeightFiles

@Suite struct TorchFileTests {
  /// The tensors of `network(k)`, by name.
  private func check(_ file: WeightFile, _ k: Int) throws {
    #expect(
      file.tensors.map(\.name) == [
        "model.0.bn.bias", "model.0.bn.num_batches_tracked", "model.0.bn.running_mean",
        "model.0.bn.running_var", "model.0.bn.weight", "model.0.conv.weight", "model.1.scale",
        "model.2.last",
      ])
    // Two tensors share a storage of 40 numbers; one has its axes exchanged, one starts at 32 in steps of 2.
    let weight = try file.read("model.0.conv.weight")
    #expect(weight.shape == [16, 2, 1, 1])
    #expect(
      weight.floats == (0..<32).map { Fixture.number(k, $0 / 2 + 16 * ($0 % 2)) })
    #expect(
      try file.read("model.0.bn.weight").floats == (0..<4).map { Fixture.number(k, 32 + 2 * $0) })
    // FP32, BF16, FP64, integers, FP16.
    #expect(try file.read("model.0.bn.bias").floats == Fixture.numbers(k + 1, count: 4))
    #expect(try file.read("model.0.bn.running_mean").floats == Fixture.numbers(k + 2, count: 4))
    #expect(try file.read("model.0.bn.running_var").floats == Fixture.numbers(k + 3, count: 4))
    #expect(try file.read("model.0.bn.num_batches_tracked").floats == [Float(k + 4)])
    #expect(try file.read("model.1.scale").floats == Fixture.numbers(k + 5, count: 6))
    #expect(try file.read("model.2.last").shape == [3, 2])
    let types = Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, $0.type) })
    #expect(types["model.0.bn.running_mean"] == "bfloat16")
    #expect(types["model.0.conv.weight"] == "float16")
    #expect(file.parameterCount == 32 + 4 + 4 + 6 + 6)
  }

  @Test func `a checkpoint's tensors come by name, out of shared and strided storages`() throws {
    let file = try Fixture.open("model.pt")
    #expect(file.format == .torch)
    try check(file, 1)
    let facts = file.facts
    #expect(facts.family == "yolov8" && facts.variant == "n" && facts.task == "detect")
    #expect(facts.classNames == ["person", "car"])
    #expect(facts.strides == [8, 16, 32])
    #expect(facts.imageSize == [320, 320])
    #expect(facts.epoch == -1 && facts.version == "8.4.190")
    #expect(facts.networkClass == "ultralytics.nn.tasks.DetectionModel")
    #expect(!facts.usesAverage && !facts.isStateDictionary)
  }

  @Test func `the averaged network is read where there is one, from deflated entries`() throws {
    let file = try Fixture.open("ema.pt")
    try check(file, 20)
    #expect(file.facts.usesAverage && file.facts.epoch == 7)
  }

  @Test func `64-bit directories and the old module path are understood`() throws {
    let file = try Fixture.open("zip64.pt")
    try check(file, 1)
    #expect(file.facts.family == "yolov8")
  }

  @Test func `a pickled module alone is a network too`() throws {
    try check(try Fixture.open("whole-module.pt"), 1)
  }

  @Test func `a state dictionary is listed and called one`() throws {
    for name in ["state-dict.pt", "state-dict-in-model.pt"] {
      let file = try Fixture.open(name)
      #expect(file.facts.isStateDictionary)
      #expect(file.facts.networkClass == nil)
      #expect(file.tensors.map(\.name) == ["model.0.conv.bias", "model.0.conv.weight"])
      #expect(try file.read("model.0.conv.weight").floats == Fixture.numbers(1, count: 12))
    }
  }

  @Test func `what holds no weights is refused with a sentence that names it`() throws {
    #expect(try #require(try refusal("torchscript.pt")).contains("TorchScript"))
    #expect(try #require(try refusal("other.pt")).contains("something else than a network"))
    #expect(try #require(try refusal("legacy.pt")).contains("before 1.6"))
    let program = try #require(try refusal("program.pt"))
    #expect(program.contains("\"posix.system\"") && program.contains("it was not run"))
  }

  @Test func `names like paths are names and nothing else`() throws {
    let file = try Fixture.open("names.pt")
    #expect(file.tensors.map(\.name) == ["../../etc/passwd", "/tmp/x"])
    #expect(try file.read("/tmp/x").floats == Fixture.numbers(2, count: 4))
    #expect(throws: WeightFileError.noTensor(file: file.path, name: "x")) { try file.read("x") }
  }

  @Test func `a file that ends too early is refused`() throws {
    let bytes = try Fixture.bytes("model.pt")
    #expect(try #require(refusal(Array(bytes.prefix(2000)))).contains("cut off"))
    #expect(try #require(refusal([])).contains("empty"))
  }

  @Test func `a flipped bit in a storage is found by its checksum`() throws {
    var bytes = try Fixture.bytes("model.pt")
    // FP16 of (5 · 2 + 3 - 8) / 8 and its followers, in the first storage.
    let pattern = Fixture.numbers(1, count: 8).flatMap { value in
      [
        UInt8(truncatingIfNeeded: Float16(value).bitPattern),
        UInt8(truncatingIfNeeded: Float16(value).bitPattern >> 8),
      ]
    }
    let place = try #require(
      bytes.indices.first { bytes[$0...].starts(with: pattern) })
    bytes[place] ^= 1
    #expect(try #require(refusal(bytes)).contains("checksum"))
  }
}

import Checkpoints
import Foundation
import Tensors
import Testing

/// Tensors stored as differences to others.
@Suite struct DifferenceEncodingTests {
  /// A weight, a momentum that is nothing like it, an average that is near it, and one that is not.
  static func contents(count: Int = 3000) -> CheckpointContents {
    var random = Philox(seed: 5)
    let weights = (0..<count).map { _ in random.uniform(-1, 1) }
    let near = weights.map { $0 * (1 + random.uniform(-1e-4, 1e-4)) }
    let far = weights.map { _ in random.uniform(-1, 1) }
    func tensor(_ name: String, _ role: TensorRole, _ values: [Float]) -> CheckpointTensor {
      CheckpointTensor(name: name, role: role, tensor: Tensor(values, shape: [values.count]))
    }
    return CheckpointContents(
      step: 4, epoch: 1, position: 0,
      tensors: [
        tensor("w", .parameter, weights), tensor("v", .parameter, far),
        tensor("w", .momentum, far), tensor("v", .ema, near), tensor("w", .ema, near),
        tensor("u", .ema, near),
      ])
  }

  @Test func `an average is stored as a difference where that is smaller`() throws {
    let run = try TemporaryFolder()
    let contents = Self.contents()
    let path = try CheckpointWriter(runFolder: run.path).write(contents).path
    let reader = try CheckpointReader(path: path)
    let near = try #require(reader.record("w", role: .ema))
    #expect(near.encoding == .differencePlanes && near.base == .parameter)
    #expect(near.storedByteCount < near.rawByteCount * 2 / 3)
    // Not near what it is the average of; and without one.
    for name in ["v", "u"] {
      let record = try #require(reader.record(name, role: .ema))
      #expect(record.encoding == .floatPlanes && record.base == nil)
    }
    // Names in the order of their first tensors.
    #expect(reader.manifest.tensors.map(\.name) == ["w", "w", "w", "v", "v", "u"])
    let back = try reader.readAll()
    #expect(areBitwiseEqual(back.tensors, contents.groupedByName().tensors))
    // Alone, without its base, and through one thread.
    let ema = try #require(contents.tensor("w", role: .ema))
    #expect(try reader.read("w", role: .ema).isBitwiseEqual(to: ema))
    let only = try reader.readTensors { $0.role == .ema }
    #expect(only.count == 3 && only[0].tensor.isBitwiseEqual(to: ema))
    let single = try CheckpointReader(path: path, threads: 1)
    #expect(areBitwiseEqual(try single.readTensors(), back.tensors))
    #expect(verify(path: path).isWhole)
  }

  @Test func `bits of any kind come back through a difference`() throws {
    let run = try TemporaryFolder()
    for (dtype, shape): (DType, Shape) in [
      (.float32, [777]), (.float64, [3, 111]), (.bfloat16, [1999]),
    ] {
      var average = noise(shape, dtype, seed: 3)
      let weights = average
      average.withMutableBytes { $0[0] ^= 0x81 }
      let path = try CheckpointWriter(runFolder: run.path + "/\(dtype)").write(
        CheckpointContents(
          step: 1, epoch: 0, position: 0,
          tensors: [
            CheckpointTensor(name: "x", role: .bn, tensor: weights),
            CheckpointTensor(name: "x", role: .ema, tensor: average),
          ])
      ).path
      let reader = try CheckpointReader(path: path)
      #expect(reader.record("x", role: .ema)?.base == .bn)
      #expect(try reader.read("x", role: .ema).isBitwiseEqual(to: average))
    }
  }

  @Test func `damage to a base is found in what is stored as a difference to it`() throws {
    let run = try TemporaryFolder()
    let path = try CheckpointWriter(runFolder: run.path).write(Self.contents()).path
    var damaged = try bytes(path + "/shard-000.zst")
    damaged[200] ^= 1
    try replaceBytes(path + "/shard-000.zst", damaged)
    let problems = verify(path: path).problems
    #expect(problems.count == 2)
    #expect(problems.contains { $0.contains("w (parameter)") })
    #expect(problems.contains { $0.contains("w (ema)") })
    let reader = try CheckpointReader(path: path)
    #expect(throws: CheckpointError.self) { try reader.read("w", role: .ema) }
    #expect(throws: Never.self) { try reader.read("w", role: .momentum) }
  }

  @Test func `averages far from the first files lie in the file of what they average`() throws {
    let run = try TemporaryFolder()
    var writer = CheckpointWriter(runFolder: run.path)
    writer.shardByteCount = 20_000
    let path = try writer.write(Self.contents()).path
    let reader = try CheckpointReader(path: path)
    #expect(reader.manifest.shards.count == 3)
    #expect(reader.record("w", role: .ema)?.base == .parameter)
    #expect(areBitwiseEqual(try reader.readTensors(), Self.contents().groupedByName().tensors))
  }
}

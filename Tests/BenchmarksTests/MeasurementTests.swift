import Benchmarks
import Checkpoints
import Datasets
import Foundation
import Images
import MessagePassing
import Tensors
import Testing
import Training

/// Each measurement on something tiny: that it runs, cleans up, and gives sane numbers.
@Suite struct MeasurementTests {
  private func temporaryPath() -> String {
    FileManager.default.temporaryDirectory
      .appendingPathComponent("edgewise-benchmarks-\(UUID().uuidString)").path
  }

  @Test func `the median is the middle one, whatever the order`() {
    let timings = Timings([3, 1, 2])
    #expect(timings.median == 2 && timings.minimum == 1)
    var calls = 0
    #expect(Timings(count: 4, warmUp: 2) { calls += 1 }.seconds.count == 4 && calls == 6)
  }

  @Test func `alone the ordered reduction and MPI's are both timed, and nothing travels`() throws {
    let result = try ReductionBenchmark(byteCount: 1000, communicator: .solo)
    #expect(result.byteCount == 1000 && result.ordered.seconds.count == 201)
    #expect(result.bandwidth(1) == 0)
  }

  @Test func `an untrained detector is timed in float and as int8`() throws {
    var recipe = Recipe()
    recipe.model.inputSize = 32
    let model = try DeployedModel(untrained: recipe, classNames: ["a"])
    for arithmetic in [Arithmetic.float, .int8] {
      let result = InferenceBenchmark(try model.plan(arithmetic, batchSize: 2), count: 3)
      #expect(result.forward.seconds.count == 3 && result.batchSize == 2)
      #expect(result.forward.minimum > 0 && result.detection.minimum > result.forward.minimum)
    }
    #expect(peakMemoryByteCount() > 1 << 20)
  }

  @Test func `a pipeline is timed both ways, and its stages add up`() throws {
    let folder = temporaryPath()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = "\(folder)/a.png"
    try Image(width: 40, height: 30, fill: 90).write(to: path)
    let sample = Sample(imagePath: path, boxes: [], identifier: 0)
    let result = try LoadBenchmark(
      samples: [sample, sample, sample], size: 32, settings: AugmentationSettings(), batchSize: 2,
      threads: [1, 2])
    #expect(result.throughputs.count == 8)
    #expect(result.throughputs.allSatisfy { $0.picturesPerSecond > 0 })
    for isCached in [true, false] {
      let parts = result.stages.parts(isMosaic: true, isCached: isCached)
      // Four roundings.
      #expect(abs(parts.reduce(0) { $0 + $1.part } - 1) < 1e-12)
      #expect((parts[0].part > 0) != isCached)
    }
  }

  @Test func `a checkpoint is timed on copies of which nothing stays`() throws {
    let run = temporaryPath()
    defer { try? FileManager.default.removeItem(atPath: run) }
    var values = [Float](repeating: 0, count: 50_000)
    for i in values.indices { values[i] = Float(i % 977) * 1e-3 }
    let writer = CheckpointWriter(runFolder: run)
    let commit = try writer.write(
      CheckpointContents(
        step: 7, epoch: 0, position: 0,
        tensors: [
          CheckpointTensor(name: "w", role: .parameter, tensor: Tensor(values, shape: [50_000]))
        ]))
    let scratch = temporaryPath()
    let result = try CheckpointBenchmark(
      CheckpointReader(path: commit.path), level: 3, folder: scratch, repetitions: 2)
    #expect(result.rawByteCount == 200_000)
    #expect(result.storedByteCount < 200_000 && result.plainByteCount < 200_000)
    #expect(result.compressProcessorSeconds > 0 && result.restoreProcessorSeconds > 0)
    #expect(result.memcpy.minimum > 0 && result.blocked.minimum > 0)
    #expect(!FileManager.default.fileExists(atPath: scratch))
    #expect(try CheckpointStore(runFolder: run).list().map(\.step) == [7])
  }
}

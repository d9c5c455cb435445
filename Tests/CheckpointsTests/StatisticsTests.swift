import Checkpoints
import Foundation
import Tensors
import Testing

/// Statistics are taken frame by frame, and are those of the whole tensor.
@Suite struct StatisticsTests {
  /// Three frames and a half, some of it not finite, and an average stored as the difference to it.
  private func contents() -> CheckpointContents {
    var random = Philox(seed: 3)
    var values = (0..<230_000).map { _ in 4 * random.uniform() - 1 }
    (values[7], values[100_000], values[229_999]) = (.nan, .infinity, 0)
    let averages = values.map { $0 * 1.0001 }
    return CheckpointContents(
      step: 1, epoch: 0, position: 0,
      tensors: [
        CheckpointTensor(name: "w", role: .parameter, tensor: Tensor(values, shape: [230_000])),
        CheckpointTensor(name: "w", role: .ema, tensor: Tensor(averages, shape: [230_000])),
        CheckpointTensor(name: "none", role: .other, tensor: Tensor(shape: [0], dtype: .int64)),
      ])
  }

  @Test func `they are those of all elements`() throws {
    let run = try TemporaryFolder()
    let contents = contents()
    let reader = try CheckpointReader(
      path: try CheckpointWriter(runFolder: run.path).write(contents).path)
    let found = try reader.description(withStatistics: true, withHistograms: true).tensors
    #expect(reader.manifest.tensors.contains { $0.base != nil && $0.frames.count > 3 })
    for role in [TensorRole.parameter, .ema] {
      let values = try #require(contents.tensor("w", role: role)).values(as: Float.self)
        .map(Double.init).filter(\.isFinite)
      let tensor = try #require(found.first { $0.role == role })
      let statistics = try #require(tensor.statistics)
      #expect(statistics.minimum == values.min() && statistics.maximum == values.max())
      #expect(statistics.nanCount == 1 && statistics.infinityCount == 1)
      #expect(statistics.zeroCount == 1)
      let mean = values.reduce(0, +) / Double(values.count)
      #expect(statistics.mean == mean)
      let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      #expect(statistics.standardDeviation == (squares / Double(values.count)).squareRoot())
      let histogram = try #require(tensor.histogram)
      #expect(histogram.counts.reduce(0, +) == values.count && histogram.counts.count == 32)
      #expect(histogram.minimum == values.min() && histogram.maximum == values.max())
    }
    let none = try #require(found.first { $0.name == "none" })
    #expect(none.statistics?.mean == 0 && none.histogram?.counts.allSatisfy { $0 == 0 } == true)
  }

  @Test func `extreme values have a histogram`() throws {
    let run = try TemporaryFolder()
    let values = [-Double.greatestFiniteMagnitude, .greatestFiniteMagnitude, 0, 5e-324, -5e-324]
    let path = try CheckpointWriter(runFolder: run.path).write(
      CheckpointContents(
        step: 1, epoch: 0, position: 0,
        tensors: [
          CheckpointTensor(name: "wide", role: .other, tensor: Tensor(values, shape: [5])),
          CheckpointTensor(
            name: "narrow", role: .other, tensor: Tensor([5e-324, 1e-323], shape: [2])),
        ])
    ).path
    let description = try CheckpointReader(path: path).description(
      withStatistics: true, withHistograms: true)
    #expect(description.tensors.map { $0.histogram?.counts.reduce(0, +) } == [5, 2])
    #expect(!description.text.isEmpty)
  }
}

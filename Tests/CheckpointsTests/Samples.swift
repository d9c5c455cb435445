import Checkpoints
import Foundation
import Tensors

/// A folder that goes away with its owner.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/edgewise-checkpoints-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A tensor of any type filled with bytes of one generator; floats take odd bit patterns too.
func noise(_ shape: Shape, _ dtype: DType, seed: UInt64) -> Tensor {
  var random = Philox(seed: seed)
  var tensor = Tensor(shape: shape, dtype: dtype)
  tensor.withMutableBytes { bytes in
    for i in bytes.indices { bytes[i] = UInt8(truncatingIfNeeded: random.nextWord()) }
  }
  return tensor
}

/// A small run's state: every type, an empty tensor, a scalar, and odd counts.
///
/// - Parameters:
///   - map: the metric `mAP50-95`; `nil` for a state that was not scored.
///   - phase: `state.phase`; `nil` for a state without phases.
func sampleContents(
  step: Int = 12, seed: UInt64 = 1, map: Double? = 0.5, phase: String? = nil
) -> CheckpointContents {
  var tensors: [CheckpointTensor] = []
  for (index, dtype) in DType.allCases.enumerated() {
    for shape: Shape in [[], [0, 3], [1], [7, 3], [2, 3, 5, 1]] {
      tensors.append(
        CheckpointTensor(
          name: "\(dtype.rawValue) \(shape)", role: index % 2 == 0 ? .parameter : .observer,
          tensor: noise(shape, dtype, seed: seed &+ UInt64(index * 10 + shape.rank))))
    }
  }
  return CheckpointContents(
    step: step, epoch: 2, position: 3,
    recipe: ["seed": 7, "optimizer": ["lr": 0.01, "name": "sgd"], "phases": ["float", "qat"]],
    graph: ["nodes": [["op": "convolution", "name": "stem"]]],
    metrics: map.map { ["mAP50-95": $0, "loss": 1.25] } ?? ["loss": 1.25],
    state: phase.map { ["phase": .string($0)] } ?? ["observers": ["frozen": false]],
    libraries: ["zstd": "1.5.4"], writer: WriterNote(worldSize: 2), tensors: tensors)
}

/// Whether two states hold the same tensors, bit by bit, in the same order.
func areBitwiseEqual(_ a: [CheckpointTensor], _ b: [CheckpointTensor]) -> Bool {
  a.count == b.count
    && zip(a, b).allSatisfy {
      $0.name == $1.name && $0.role == $1.role && $0.tensor.isBitwiseEqual(to: $1.tensor)
    }
}

/// The bytes of a file.
func bytes(_ path: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

func replaceBytes(_ path: String, _ bytes: [UInt8]) throws {
  try Data(bytes).write(to: URL(fileURLWithPath: path))
}

/// The names in a folder, sorted.
func names(_ path: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: path).sorted()
}

import Checkpoints
import Engine
import Foundation
import Graphs
import Models
import Quantization
import Tensors
import Training

// The readers of checkpoints: manifest, shard files, the graph and the counters in the manifest.

/// Where the seeds' checkpoint is written; it goes away with the folder in memory.
private func sampleCheckpoint() throws -> String {
  let folder = "/dev/shm/edgewise-fuzz-\(getpid())/run"
  var recipe = Recipe()
  recipe.model.inputSize = 32
  let values = (0..<600).map { Float($0 % 7) / 3 - 1 }
  var tensors: [CheckpointTensor] = []
  for role in [TensorRole.parameter, .ema, .momentum, .observer] {
    tensors.append(
      CheckpointTensor(name: "conv.weight", role: role, tensor: Tensor(values, shape: [6, 100])))
  }
  for (index, type) in DType.allCases.enumerated() {
    tensors.append(
      CheckpointTensor(
        name: "other \(type)", role: .other, tensor: Tensor(shape: [index, 3], dtype: type)))
  }
  let counters: JSONValue = [
    "phase": "float", "ema_updates": 12, "optimizer_steps": 12, "skipped_steps": 0,
    "skipped_in_a_row": 0, "loss_sums": [1.5, 2, 0.25, 3],
  ]
  return try CheckpointWriter(runFolder: folder).write(
    CheckpointContents(
      step: 12, epoch: 2, position: 2, recipe: try JSONValue(parsing: Array(recipe.json.utf8)),
      graph: try JSONValue(encoding: tinyGraph()), metrics: ["mAP50-95": 0.5], state: counters,
      libraries: ["zstd": "1"], tensors: tensors)
  ).path
}

private func bytes(_ path: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

/// What follows the checksum line; the line is made right for each input, for otherwise nothing behind it
/// would be reached.
private func manifestText(_ path: String) throws -> [UInt8] {
  let file = try bytes(path + "/manifest.json")
  return Array(file[(file.firstIndex(of: 0x0A)! + 37)...].drop { $0 != 0x0A }.dropFirst())
}

private func readAll(_ path: String) {
  if let reader = try? CheckpointReader(path: path, threads: 1) {
    _ = try? reader.readAll()
    _ = try? reader.description(withStatistics: true, withHistograms: true).text
    _ = try? RunCounters(reader.manifest, recipe: Recipe(json: reader.manifest.recipe.lineText))
    _ = try? DeployedModel(checkpoint: reader)
  }
  _ = verify(path: path).text
}

private let sampleShard: [UInt8] = try! bytes(sampleCheckpoint() + "/shard-000.zst")

/// The manifest's text beside a shard file that is whole.
let manifest = FuzzedReader {
  [try manifestText(sampleCheckpoint())]
} read: { folder, input in
  folder.keep(sampleShard, as: "manifest/shard-000.zst")
  folder.write(ManifestFile.bytes(ofText: input), to: "manifest/manifest.json")
  readAll("\(folder.path)/manifest")
}

/// Two bytes with the length of the manifest's text, the text, and the first shard file.
let checkpoint = FuzzedReader {
  let path = try sampleCheckpoint()
  return [joined(try manifestText(path), try bytes(path + "/shard-000.zst"))]
} read: { folder, input in
  let (text, shard) = parted(input)
  folder.write(ManifestFile.bytes(ofText: text), to: "checkpoint/manifest.json")
  folder.write(shard, to: "checkpoint/shard-000.zst")
  readAll("\(folder.path)/checkpoint")
}

/// A detector with one of each operation.
private func tinyGraph() -> Graph {
  var net = GraphBuilder(name: "tiny")
  let image = net.input("image", shape: [8, 8, 3])
  let a = net.node(
    .convolution(channels: 8, kernel: 3, stride: 1, padding: 1, groups: 1, bias: false), image,
    name: "a")
  let b = net.node(.batchNorm(epsilon: 1e-3, momentum: 0.03), a, name: "b")
  let c = net.node(.activation(.silu), b, name: "c")
  let d = net.node(.maxPool(kernel: 2, stride: 2, padding: 0), c, name: "d")
  let e = net.node(.upsample(factor: 2), d, name: "e")
  let f = net.node(.concat, e, c, name: "f")
  let g = net.node(.slice(from: 4, count: 8), f, name: "g")
  let h = net.node(.add, g, c, name: "h")
  let boxes = net.node(
    .convolution(channels: 8, kernel: 1, stride: 1, padding: 0, groups: 1, bias: true), h,
    name: "boxes")
  let classes = net.node(
    .convolution(channels: 2, kernel: 1, stride: 1, padding: 0, groups: 1, bias: true), h,
    name: "classes")
  net.output(boxes)
  net.output(classes)
  net.setHead(
    DetectorHead(
      levels: [.init(boxes: boxes.index, classes: classes.index, stride: 1)],
      classNames: ["car", "person"], bins: 2))
  return net.graph
}

/// The graph of a checkpoint: decoded, checked, and where it passes, put into a plan and computed.
let graph = FuzzedReader {
  let float = tinyGraph()
  let quantized = Target.allCases.map { float.placingSites($0.rules) }
  return try
    ([float] + quantized + [
      quantized[0].learningScales(weights: true, ranges: .lsq)
    ]).map { Array(try JSONValue(encoding: $0).lineText.utf8) }
} read: { _, input in
  guard let json = try? JSONValue(parsing: input), let graph = try? json.decoded(as: Graph.self),
    (try? graph.validate()) != nil
  else { return }
  _ = graph.text
  _ = graph.consumers()
  // What passes may be as large as any network; computing it is no question of safety.
  guard graph.values.reduce(0, { $0 + $1.shape.elementCount }) < 1 << 16,
    graph.parameters.reduce(0, { $0 + $1.shape.elementCount }) < 1 << 16
  else { return }
  var weights = NamedWeights()
  for parameter in graph.parameters { weights[parameter.name] = Tensor(shape: parameter.shape) }
  _ = try? graph.foldingBatchNorm(weights)
  let grids = graph.sites.map { $0.grid(covering: -1, 1) }
  for grids in [[], grids] {
    guard
      let plan = try? InferencePlan(graph: graph, weights: weights, batchSize: 1, grids: grids)
    else { continue }
    plan.forward()
  }
}

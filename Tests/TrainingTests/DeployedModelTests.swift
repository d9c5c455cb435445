import Checkpoints
import Engine
import Foundation
import Graphs
import Models
import Tensors
import Testing
import Training

/// Checkpoints whose checksums are right and whose contents no run has written.
@Suite final class DeployedModelTests {
  private let folder: String
  private let recipe: Recipe
  private let graph: Graph
  private var weights: NamedWeights

  init() throws {
    folder =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("edgewise-deployed-\(UUID().uuidString)").path
    var recipe = Recipe()
    recipe.model.inputSize = 32
    self.recipe = recipe
    graph = recipe.floatGraph(classNames: ["car", "person"])
    weights = graph.initialWeights(seed: 1)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// The model of a checkpoint with these weights.
  private func model(graph: Graph? = nil, extra: [CheckpointTensor] = []) throws -> DeployedModel {
    let tensors = weights.sorted { $0.key < $1.key }.map {
      CheckpointTensor(name: $0.key, role: .ema, tensor: $0.value)
    }
    let path = try CheckpointWriter(runFolder: folder).write(
      CheckpointContents(
        step: 1, epoch: 0, position: 1,
        recipe: try JSONValue(parsing: Array(recipe.json.utf8)),
        graph: try JSONValue(encoding: graph ?? self.graph), tensors: tensors + extra)
    ).path
    return try DeployedModel(checkpoint: CheckpointReader(path: path))
  }

  private func refusal(graph: Graph? = nil) -> String {
    let error = #expect(throws: (any Error).self) { try model(graph: graph) }
    #expect(error.map(exitCode) == 65)
    return error.map { "\($0)" } ?? ""
  }

  private func put(_ value: Float, into name: String) {
    weights[name]?.withMutableElements(as: Float.self) { $0[$0.count - 1] = value }
  }

  @Test func `a whole one is read and computes`() throws {
    let model = try model()
    let plan = try model.plan(.float, batchSize: 1)
    plan.forward()
    #expect(model.classNames == ["car", "person"])
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func `weights that are not finite are refused by name`(_ value: Float) {
    put(value, into: "model.0.conv.weight")
    let sentence = refusal()
    #expect(sentence.contains("ema tensor model.0.conv.weight is not finite in 1 of"))
    #expect(sentence.contains("take an earlier checkpoint"))
  }

  @Test func `weights beyond all bounds are refused by name`() {
    put(3e38, into: "model.22.cv3.0.2.bias")
    #expect(refusal().contains("model.22.cv3.0.2.bias exceeds 1e+09 in 1 of"))
  }

  @Test func `a negative variance is refused by name`() {
    put(-1, into: "model.0.bn.running_var")
    #expect(refusal().contains("model.0.bn.running_var is negative in 1 of"))
  }

  @Test func `a tensor of another shape is refused before it is read`() {
    weights["model.0.conv.weight"] = Tensor(shape: [1 << 10])
    #expect(refusal().contains("float32 [1024], the network needs float32 [16, 3, 3, 3]"))
  }

  @Test func `tensors that the network does not have are not read`() throws {
    let foreign = CheckpointTensor(
      name: "foreign", role: .parameter, tensor: Tensor(shape: [8 << 20]))
    #expect(try model(extra: [foreign]).weights.count == graph.parameters.count)
  }

  @Test func `a graph that is not that of its recipe is refused`() {
    var other = recipe
    other.model.inputSize = 64
    #expect(
      refusal(graph: other.floatGraph(classNames: ["car", "person"])).contains("it reads"))
    other.model.architecture = .yolov8s
    #expect(
      refusal(graph: other.floatGraph(classNames: ["car", "person"])).contains("a parameter"))
    var fewer = graph
    fewer.head?.levels.removeLast()
    #expect(refusal(graph: fewer).contains("its head reads"))
    var more = graph
    for index in 0..<4000 {
      more.values.append(
        Value(name: "v\(index)", shape: graph.values[graph.nodes[0].output].shape))
      more.nodes.append(
        Node(
          name: "n\(index)", operation: .activation(.relu),
          inputs: [index == 0 ? graph.nodes[0].output : more.values.count - 2],
          output: more.values.count - 1))
    }
    #expect(refusal(graph: more).contains("the limit is four times as many"))
  }
}

import Engine
import Graphs
import Models
import Quantization
import Tensors
import Testing

/// A whole detector on its grids, against the plain reference.
@Suite struct QuantizedYOLOv8Tests {
  /// How far values on one grid are from each other.
  private struct Steps {
    var values = 0
    /// Values that differ by exactly one step, and by more.
    var one = 0
    var more = 0
    var largest: Float = 0

    mutating func compare(_ actual: Float, _ expected: Float, _ grid: Grid) {
      values += 1
      let steps = abs((actual - expected) / grid.scale)
      largest = max(largest, steps.rounded())
      if steps > 1.5 { more += 1 } else if steps > 0.5 { one += 1 }
    }
  }

  private func check(_ target: Target) -> GraphCheck {
    let graph = yolov8(.n, classNames: ["car", "van"], inputHeight: 64, inputWidth: 64)
      .placingSites(target.rules)
    var check = GraphCheck(graph, batchSize: 2, seed: 11)
    var random = Philox(seed: 12)
    for i in check.input.indices { check.input[i] = Float(random.integer(below: 256)) / 255 }
    return check
  }

  /// Every quantized layer from the engine's own quantized inputs: what one layer's FP32 sums can do.
  ///
  /// A value differs only if it lies so near a tie that the order of summing decides: with sums good to
  /// some 1e-6 of the range, i.e. 1e-4 steps, about two values in ten thousand.
  ///
  /// Where a target has a site in front of the SiLU, a tie there is a step of the wider grid in front, which
  /// can be two of the one behind (seen: 35.50002 steps in front, 1.7 of those behind to a step).
  @Test(
    arguments: [Target.portable, .tensorrt, .tflite, .onnxruntime], [BatchNormMode.batch, .running])
  func `each layer lands on the reference's grid point`(target: Target, mode: BatchNormMode) throws
  {
    var check = try check(target).calibrated()
    check.batchNormMode = mode
    if mode == .running { check = try check.calibrated() }
    let graph = check.graph
    let (plan, _) = try check.plan()
    let reference = check.reference()
    var trace = reference.forward(check.input.map(Double.init))
    let producers = graph.producers()
    let convolutionInputs = Set(
      graph.nodes.filter { if case .convolution = $0.operation { true } else { false } }
        .map { $0.inputs[0] })
    func engineValues(_ value: Int) -> [Float] {
      plan.numbers(of: value)!
    }
    var steps = Steps()
    var layers = 0
    for node in graph.nodes {
      // Values that a convolution reads stay in memory until the backward pass, as do outputs.
      guard case .fakeQuantize(let site) = node.operation,
        convolutionInputs.contains(node.output) || graph.outputs.contains(node.output)
      else { continue }
      // All that lies between the site and the convolution in front of it.
      var layer = [node]
      var open = node.inputs
      var isLayer = true
      while let value = open.popLast(), isLayer {
        guard let producer = producers[value] else {
          isLayer = false
          break
        }
        let maker = graph.nodes[producer]
        if layer.contains(maker) { continue }
        layer.append(maker)
        switch maker.operation {
        case .convolution: break
        case .batchNorm, .activation, .sigmoid, .multiply, .fakeQuantize: open += maker.inputs
        default: isLayer = false
        }
      }
      layer = graph.nodes.filter { layer.contains($0) }
      guard isLayer, case .convolution = layer[0].operation else { continue }
      trace.values[layer[0].inputs[0]] = engineValues(layer[0].inputs[0]).map(Double.init)
      for link in layer { trace.values[link.output] = reference.evaluate(link, in: &trace) }
      for (a, e) in zip(engineValues(node.output), trace.values[node.output]) {
        steps.compare(a, Float(e), check.grids[site])
      }
      layers += 1
    }
    #expect(layers > 30, "\(layers) layers compared")
    let splitsSiLU = target == .tflite || target == .onnxruntime
    #expect(steps.largest <= (splitsSiLU ? 2 : 1), "\(steps)")
    #expect(Double(steps.one + steps.more) <= 2e-4 * Double(steps.values), "\(steps)")
  }

  /// The whole network with running statistics. A flipped rounding early on moves the sums behind it
  /// by a part of a step, and some of those flip in turn: at the heads an eighth of the values is one
  /// step off, hardly any is two, and the whole is within one hundredth.
  ///
  /// With batch statistics over the 8 values a channel has at stride 32 an untrained network magnifies
  /// one flip without bound: a batch norm's shift moved by 1e-3 moves the reference's own outputs by
  /// more than half their range. There only layers can be compared.
  @Test(arguments: [Target.portable, .tensorrt, .tflite, .onnxruntime])
  func `the whole network stays near the reference`(target: Target) throws {
    var check = check(target)
    check.batchNormMode = .running
    check = try check.calibrated()
    let graph = check.graph
    let producers = graph.producers()
    let (plan, _) = try check.plan()
    let trace = check.reference().forward(check.input.map(Double.init))
    var steps = Steps()
    for (value, actual) in zip(graph.outputs, check.outputs(of: plan)) {
      let expected = trace.values[value]
      var (difference, size) = (0.0, 0.0)
      for (a, e) in zip(actual, expected) {
        difference += (Double(a) - e) * (Double(a) - e)
        size += e * e
      }
      #expect((difference / size).squareRoot() <= 0.02, "\(graph.values[value].name)")
      // TensorRT's outputs are real numbers.
      guard case .fakeQuantize(let site) = graph.nodes[producers[value]!].operation else {
        continue
      }
      for (a, e) in zip(actual, expected) { steps.compare(a, Float(e), check.grids[site]) }
    }
    #expect((steps.values > 0) == (target != .tensorrt))
    #expect(Double(steps.more) <= 0.01 * Double(steps.values), "\(steps)")
    #expect(Double(steps.one) <= 0.2 * Double(steps.values), "\(steps)")
  }

  @Test func `the float network agrees to the last digits`() throws {
    var check = GraphCheck(
      yolov8(.n, classNames: ["car", "van"], inputHeight: 64, inputWidth: 64), batchSize: 2)
    for mode in [BatchNormMode.batch, .running] {
      check.batchNormMode = mode
      let (plan, _) = try check.plan()
      let trace = check.reference().forward(check.input.map(Double.init))
      for (value, actual) in zip(check.graph.outputs, check.outputs(of: plan)) {
        // Sixty layers, each good to 1e-6.
        #expect(worstDifference(actual, trace.values[value]) <= 1e-4)
      }
    }
  }
}

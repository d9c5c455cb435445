import Tensors
import Testing
import WeightFiles

@Suite struct ONNXFileTests {
  /// The four convolutions of the fixtures, found by graph alone; weights within `steps` quantization steps.
  private func check(_ file: WeightFile, steps: Float = 0) throws {
    let found = file.convolutions
    try #require(found.count == 4)
    // The two middle ones may change places, for neither reads the other.
    let deep = try #require(found.firstIndex { $0.shape == [4, 1, 3, 3] })
    let side = try #require(found.firstIndex { $0.shape == [6, 4, 1, 1] })
    let order = [0, deep, side, 3]
    #expect(order.map { found[$0].inputs } == [[-1], [0], [0], [deep, side].sorted()])
    #expect(order.map { found[$0].groups } == [1, 4, 1, 1])
    #expect(found[0].strides == [2, 2] && found[3].strides == [1, 1])
    for (k, index) in order.enumerated() {
      #expect(found[index].shape == Fixture.shapes[k])
      let weight = try file.read(found[index].weight)
      #expect(weight.shape.extents == Fixture.shapes[k])
      expectClose(weight, k, steps)
      let bias = try file.read(try #require(found[index].bias))
      #expect(bias.shape.extents == [Fixture.shapes[k][0]])
      expectClose(bias, k, steps)
    }
  }

  /// Half a step of eight bits over the range of the numbers, -1 to 1, and a little for rounding.
  private func expectClose(_ tensor: Tensor, _ k: Int, _ steps: Float) {
    for (i, value) in tensor.floats.enumerated() {
      #expect(abs(value - Fixture.number(k, i)) <= steps * 2 / 255 + (steps > 0 ? 1e-6 : 0))
    }
  }

  @Test(arguments: ["float.onnx", "constants.onnx", "float16.onnx", "added-bias.onnx"])
  func `float weights are exact, by name`(_ name: String) throws {
    let file = try Fixture.open(name)
    #expect(file.format == .onnx && !file.facts.isDequantized)
    try check(file)
    for (k, layer) in Fixture.convolutions.enumerated() {
      let half = name == "float16.onnx" ? ".half" : ""
      #expect(
        try file.read("\(layer).weight\(half)").floats
          == Fixture.numbers(k, count: Fixture.shapes[k].reduce(1, *)))
      #expect(
        try file.read("\(layer).bias\(half)").shape.extents == [Fixture.shapes[k][0]])
    }
  }

  @Test func `an exporter's metadata becomes facts`() throws {
    let facts = try Fixture.open("float.onnx").facts
    #expect(facts.family == "yolov8" && facts.variant == "n" && facts.task == "detect")
    #expect(facts.classNames == ["person", "traffic 'light'"])
    #expect(facts.strides == [32] && facts.imageSize == [320, 320])
    #expect(facts.version == "8.4.190" && facts.producer == "fixtures")
  }

  @Test func `names that are lost are no hindrance`() throws {
    let file = try Fixture.open("nameless.onnx")
    #expect(file.tensors.map(\.name) == (100..<108).map(String.init))
    try check(file)
  }

  @Test(arguments: [
    "qdq.onnx", "qdq-per-tensor.onnx", "qlinear.onnx", "qlinear-per-channel.onnx", "dynamic.onnx",
  ])
  func `integer weights are made float again, under the names they had`(_ name: String) throws {
    let file = try Fixture.open(name)
    #expect(file.facts.isDequantized)
    try check(file, steps: 0.51)
    for layer in Fixture.convolutions {
      #expect(file.tensors.contains { $0.name == "\(layer).weight" && $0.type.hasSuffix("int8") })
    }
    #expect(!file.tensors.contains { $0.name.hasSuffix("weight_scale") })
  }

  @Test func `weights that are not in the file are refused by name`() throws {
    let external = try #require(try refusal("external.onnx"))
    #expect(external.contains("\"stem.weight\"") && external.contains("external data"))
    let inputs = try #require(try refusal("weights-are-inputs.onnx"))
    #expect(inputs.contains("\"stem.weight\"") && inputs.contains("input of the graph"))
  }
}

@Suite struct TFLiteFileTests {
  @Test(arguments: ["float32.tflite", "float16.tflite", "int8.tflite"])
  func `weights come in the order of PyTorch, made float`(_ name: String) throws {
    let file = try Fixture.open(name)
    #expect(file.format == .tflite)
    #expect(file.facts.isDequantized == (name == "int8.tflite"))
    #expect(file.facts.imageSize == [8, 8])
    let found = file.convolutions
    try #require(found.count == 4)
    #expect(found.map(\.inputs) == [[-1], [0], [0], [1, 2]])
    #expect(found.map(\.groups) == [1, 4, 1, 1])
    #expect(found.map(\.strides) == [[2, 2], [1, 1], [1, 1], [1, 1]])
    for (k, convolution) in found.enumerated() {
      #expect(convolution.shape == Fixture.shapes[k])
      let weight = try file.read(convolution.weight)
      #expect(weight.shape.extents == Fixture.shapes[k])
      // Every step is a power of two that divides 1/8: nothing is lost.
      #expect(weight.floats == Fixture.numbers(k, count: weight.elementCount))
      let bias = try file.read(try #require(convolution.bias))
      #expect(bias.floats == Fixture.numbers(k, count: bias.elementCount))
    }
  }
}

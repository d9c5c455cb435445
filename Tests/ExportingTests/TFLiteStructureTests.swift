import Exporting
import Foundation
import Graphs
import Quantization
import Tensors
import Testing

@Suite struct TFLiteStructureTests {
  @Test func `every tensor is int8 or a constant of int32`() throws {
    for fixture in [ExportFixture.relu6, .silu, .portableReLU] {
      let model = try fixture.tflite()
      for tensor in model.tensors {
        switch tensor.type {
        case .int8:
          let q = try #require(tensor.quantization, "\(tensor.name)")
          #expect(q.scales.count == q.zeroPoints.count && q.scales.allSatisfy { $0 > 0 })
        case .int32: #expect(tensor.constant != nil)
        }
        if let constant = tensor.constant {
          #expect(
            constant.count == tensor.shape.reduce(1, *) * (tensor.type == .int8 ? 1 : 4),
            "\(tensor.name)")
        }
      }
      // Each is made once, before it is read.
      var known = Set(model.inputs.map(\.tensor))
      for (index, tensor) in model.tensors.enumerated() where tensor.constant != nil {
        known.insert(index)
      }
      for step in model.operators {
        #expect(step.inputs.allSatisfy(known.contains))
        #expect(known.insert(step.output).inserted)
      }
      #expect(model.outputs.allSatisfy { known.contains($0.tensor) })
    }
  }

  @Test func `layers have weights per output channel and biases in their units`() throws {
    let model = try ExportFixture.relu6.tflite()
    var layers = 0
    for step in model.operators {
      guard case .convolution = step.operation else { continue }
      layers += 1
      let (x, weight, bias) = (
        model.tensors[step.inputs[0]], model.tensors[step.inputs[1]],
        model.tensors[step.inputs[2]]
      )
      let q = try #require(weight.quantization)
      #expect(q.axis == 0 && q.scales.count == weight.shape[0])
      #expect(q.zeroPoints.allSatisfy { $0 == 0 })
      #expect(weight.int8s.allSatisfy { $0 >= -127 })
      #expect(weight.shape[1] == weight.shape[2] && weight.shape[3] == x.shape[3])
      #expect(bias.quantization?.scales == q.scales.map { $0 * x.quantization!.scales[0] })
    }
    #expect(layers == 63)
  }

  @Test func `a stride of two is padded apart, a stride of one is SAME`() throws {
    let model = try ExportFixture.relu6.tflite()
    var strided = 0
    for step in model.operators {
      guard case .convolution(let stride, let isSame, _) = step.operation else { continue }
      let kernel = model.tensors[step.inputs[1]].shape[1]
      #expect(isSame == (stride == 1 && kernel == 3))
      if stride == 2 {
        strided += 1
        let pad = try #require(model.operators.first { $0.output == step.inputs[0] })
        #expect(pad.operation == .pad)
        // One row above and one column to the left; none behind, where the last window ends.
        #expect(model.tensors[pad.inputs[1]].int32s == [0, 0, 1, 0, 1, 0, 0, 0])
      }
    }
    #expect(strided == 7)
  }

  @Test func `what moves integers has one grid on all sides`() throws {
    for fixture in [ExportFixture.relu6, .silu] {
      let model = try fixture.tflite()
      var count = 0
      for step in model.operators {
        let inputs: [Int]
        switch step.operation {
        case .concatenation: inputs = step.inputs
        case .slice, .maxPool, .pad, .resizeNearest, .reshape: inputs = [step.inputs[0]]
        default: continue
        }
        count += 1
        let grids = Set((inputs + [step.output]).map { model.tensors[$0].quantization! })
        #expect(grids.count == 1)
      }
      #expect(count > 30)
    }
  }

  @Test func `SiLU is LOGISTIC on its one grid, and MUL`() throws {
    let model = try ExportFixture.silu.tflite()
    let gates = model.operators.filter { $0.operation == .logistic }
    #expect(gates.count == 57)
    for gate in gates {
      #expect(
        model.tensors[gate.output].quantization
          == .init(scales: [1 / 256], zeroPoints: [-128], axis: 0))
      let readers = model.operators.filter { $0.inputs.contains(gate.output) }
      #expect(readers.map(\.operation) == [.multiply])
      #expect(readers[0].inputs == [gate.inputs[0], gate.output])
    }
  }

  @Test func `a byte of a picture is its integer and 128`() throws {
    let model = try ExportFixture.relu6.tflite()
    #expect(quantizedInput(Array(0...255), model) == (-128...127).map { Int8($0) })
  }

  @Test func `boxes and classes of each level are outputs of their own`() throws {
    let model = try ExportFixture.silu.tflite()
    #expect(
      model.outputs.map(\.name) == [
        "boxes.stride8", "classes.stride8", "boxes.stride16", "classes.stride16",
        "boxes.stride32", "classes.stride32",
      ])
    let grids = model.outputs.map { model.tensors[$0.tensor].quantization! }
    #expect(Set(grids).count == 6)
    #expect(model.inputs.map(\.name) == ["images"])
  }

  @Test func `the file is the same bytes, aligned, and says where it comes from`() throws {
    let metadata = ["step": "1200", "data_fingerprint": "00ff", "b": "\"quoted\""]
    let model = try ExportFixture.relu6.tflite(metadata)
    let bytes = model.bytes
    #expect(try ExportFixture.relu6.tflite(metadata).bytes == bytes)
    #expect(bytes[4..<8].elementsEqual("TFL3".utf8))
    // Constants lie on multiples of 16 bytes.
    let weight = try #require(model.tensors.first { ($0.constant?.count ?? 0) > 4000 }?.constant)
    let place = try #require(
      stride(from: 0, to: bytes.count - weight.count, by: 4).first {
        bytes[$0] == weight[0] && bytes[$0..<$0 + weight.count].elementsEqual(weight)
      })
    #expect(place % 16 == 0)
    let text = try #require(model.metadata.first { $0.name == "edgewise" }?.text)
    let values = try JSONDecoder().decode([String: String].self, from: Data(text.utf8))
    #expect(values["step"] == "1200" && values["data_fingerprint"] == "00ff")
    #expect(values["b"] == "\"quoted\"" && values["strides"] == "[8, 16, 32]")
    #expect(values["outputs"]?.contains("sigmoid(logit)") == true)
    #expect(values["input_scale"] == "0.003921569" && values["input_zero_point"] == "-128")
    #expect(values["input_type"] == "int8" && values["sigmoid_applied"] == "false")
    #expect(values["classes"] == #"["car", "free \"bay\"", "tram"]"#)
  }

  @Test func `versions are the first that have int8`() throws {
    let operations = Set(
      try [ExportFixture.silu, .relu6].flatMap { try $0.tflite().operators.map(\.operation) })
    for operation in operations {
      let version = operation.codeAndVersion.version
      switch operation {
      case .convolution, .depthwiseConvolution: #expect(version == 3)
      case .reshape: #expect(version == 1)
      default: #expect(version == 2)
      }
    }
  }

  static func sentence(_ change: (inout ExportFixture) -> Void) -> String {
    var fixture = ExportFixture.relu6
    change(&fixture)
    let error = #expect(throws: ExportError.self) { try fixture.tflite() }
    return error?.description ?? ""
  }

  @Test func `what cannot be int8 throughout is named`() {
    #expect(
      Self.sentence { $0.grids[2].maximum = 7 }.contains("its integers are -128 ... 7"))
    #expect(Self.sentence { $0 = .tensorrt }.contains("tflite cannot compute it"))
    #expect(Self.sentence { $0 = .float }.contains("the input is not quantized"))
    #expect(Self.sentence { $0.grids[1].scale = .nan }.contains("has the scale nan"))
    #expect(Self.sentence { $0.graph.nodes[1].weightBits = nil }.contains("weights are not"))
  }
}

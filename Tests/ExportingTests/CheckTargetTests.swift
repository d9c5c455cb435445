import Exporting
import Graphs
import Quantization
import Tensors
import Testing

@Suite struct CheckTargetTests {
  static func graph(_ target: Target, _ activation: Activation) -> Graph {
    ExportFixture.yolo(activation).placingSites(target.rules)
  }

  static func kinds(_ findings: [TargetFinding]) -> Set<TargetFinding.Kind> {
    Set(findings.map(\.kind))
  }

  @Test(arguments: Target.allCases)
  func `a graph placed for its target with ReLU6 has nothing to report`(target: Target) {
    #expect(checkTarget(Self.graph(target, .relu6), target: target).isEmpty)
  }

  @Test(arguments: [Target.tensorrt, .tflite, .edgetpu, .onnxruntime])
  func `so has one with SiLU, but for portable`(target: Target) {
    #expect(checkTarget(Self.graph(target, .silu), target: target).isEmpty)
    let findings = checkTarget(Self.graph(.portable, .silu), target: .portable)
    #expect(findings.count == 57 && Self.kinds(findings) == [.deviates])
  }

  @Test func `portable with ReLU6 is fine on TensorRT, TFLite and the Edge TPU`() {
    let graph = Self.graph(.portable, .relu6)
    for target in [Target.tensorrt, .tflite, .edgetpu] {
      #expect(checkTarget(graph, target: target).isEmpty, "\(target)")
    }
  }

  @Test func `every SiLU is named where the target needs integers inside`() throws {
    let graph = Self.graph(.portable, .silu)
    for (target, kind) in [
      (Target.tflite, TargetFinding.Kind.refused), (.edgetpu, .refused), (.onnxruntime, .float),
    ] {
      let findings = checkTarget(graph, target: target)
      #expect(Set(findings.map(\.node)).count == 57 && Self.kinds(findings) == [kind])
      #expect(findings[0].node == "model.0.act")
      #expect(findings[0].reason.contains("train or calibrate for \(target.rawValue)"))
    }
  }

  @Test func `zero points are refused by TensorRT, float outputs by TFLite`() {
    let affine = checkTarget(Self.graph(.tflite, .relu6), target: .tensorrt)
    #expect(affine.contains { $0.kind == .refused && $0.reason.contains("has a zero point") })
    let open = checkTarget(Self.graph(.tensorrt, .relu6), target: .tflite)
    #expect(open.contains { $0.kind == .refused && $0.reason.contains("output") })
  }

  @Test func `a graph without sites is in float`() {
    let findings = checkTarget(ExportFixture.yolo(.relu), target: .tensorrt)
    let convolutions = findings.filter { $0.reason.contains("weights are not quantized") }
    #expect(convolutions.count == 63 && Self.kinds(findings) == [.float])
  }

  @Test func `bits that int8 tensors do not have are named`() {
    let graph = ExportFixture.yolo(.relu).placingSites(Target.tflite.rules, activationBits: 4)
    let findings = checkTarget(graph, target: .tflite)
    #expect(findings.first?.reason.contains("has 4 bits") == true)
  }

  @Test func `the Edge TPU takes no groups, no odd padding and no big tensors`() {
    var b = GraphBuilder(name: "large")
    let image = b.input("image", shape: [1024, 1024, 4])
    let wide = b.node(
      .convolution(channels: 8, kernel: 3, stride: 1, padding: 1, groups: 2, bias: true), image,
      name: "grouped")
    b.output(
      b.node(.maxPool(kernel: 3, stride: 2, padding: 1), wide, name: "pool"))
    let graph = b.graph.placingSites(Target.edgetpu.rules)
    let findings = checkTarget(graph, target: .edgetpu)
    func reasons(_ node: String) -> String {
      findings.filter { $0.node == node && $0.kind == .cpu }.map(\.reason).joined()
    }
    #expect(reasons("grouped").contains("2 groups") && reasons("grouped").contains("12 MiB"))
    #expect(reasons("pool").contains("neither SAME nor VALID"))
    #expect(checkTarget(graph, target: .tflite).isEmpty)
  }

  @Test func `dead channels are named with their layer`() {
    var fixture = ExportFixture.tensorrt
    fixture.weights["model.22.cv3.0.2.weight"]!.withMutableElements(as: Float.self) { w in
      for i in 0..<w.count / 3 { w[i] = 0 }
    }
    let findings = checkTarget(fixture.graph, target: .tensorrt, weights: fixture.weights)
    #expect(Self.kinds(findings) == [.dead])
    #expect(
      findings.contains {
        $0.node == "model.22.cv3.0.2" && $0.reason.hasPrefix("1 of 3 channels are constant (0)")
      })
    // Every batch norm of the fixture has gains of 0.
    #expect(findings.first?.node == "model.0.conv")
    #expect(findings.first?.reason.contains("(3, 14)") == true)
  }

  /// What the checker refuses, the exporter refuses, and nothing else.
  @Test(arguments: Target.allCases, [Activation.silu, .relu6])
  func `checker and exporter agree on TFLite`(placed: Target, activation: Activation) {
    let fixture = ExportFixture(ExportFixture.block(activation), target: placed)
    let isRefused = checkTarget(fixture.graph, target: .tflite).contains { $0.kind == .refused }
    do {
      _ = try fixture.tflite()
      #expect(!isRefused)
    } catch {
      #expect(isRefused, "\(error)")
      let sentence = "\(error)"
      #expect(sentence.contains("node ") && sentence.contains("tflite cannot compute it"))
    }
  }

  /// OpenVINO 2026.4 loses 0.09 mAP on joined int8 values, and none on uint8.
  @Test func `int8 files with joined values are not for OpenVINO, and say so`() {
    for target in [Target.tensorrt, .portable] {
      let notes = exportNotes(Self.graph(target, .relu6), target: target)
      #expect(notes.count == 1 && notes[0].contains("--target onnxruntime"), "\(target)")
    }
    #expect(exportNotes(Self.graph(.onnxruntime, .relu6), target: .onnxruntime).isEmpty)
    #expect(exportNotes(Self.graph(.tensorrt, .relu6), target: .onnxruntime).isEmpty)
  }
}

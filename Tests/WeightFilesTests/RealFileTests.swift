import Foundation
import Tensors
import Testing
import WeightFiles

/// Files that other programs wrote, where they are at hand.
@Suite(.enabled(if: TestData.exists("yolov8n-coco-rebuilt.pt"), "no weights in the test data"))
struct RealFileTests {
  private func open(_ name: String) throws -> WeightFile {
    try WeightFile(path: TestData.weights(name))
  }

  @Test func `an Ultralytics checkpoint holds what its safetensors hold, rounded to FP16`() throws {
    let torch = try open("yolov8n-coco-rebuilt.pt")
    let exact = try open("yolov8n-coco-rebuilt.safetensors")
    #expect(torch.tensors.count == 355 && torch.parameterCount == 3_157_200)
    #expect(exact.parameterCount == 3_157_200)
    let counters = torch.tensors.map(\.name).filter { $0.hasSuffix("num_batches_tracked") }
    #expect(
      torch.tensors.map(\.name).filter { !counters.contains($0) }
        == exact.tensors.map(\.name).filter { !counters.contains($0) })
    for entry in exact.tensors where !counters.contains(entry.name) {
      let (half, single) = (try torch.read(entry.name), try exact.read(entry.name))
      #expect(half.shape == single.shape)
      #expect(half.floats == single.floats.map { Float(Float16($0)) }, "\(entry.name)")
    }
    #expect(try torch.nonFiniteTensors().isEmpty)
    let facts = torch.facts
    #expect(facts.family == "yolov8" && facts.variant == "n" && facts.task == "detect")
    #expect(facts.classNames?.count == 80 && facts.classNames?.first == "person")
    #expect(facts.strides == [8, 16, 32] && facts.imageSize == [640, 640])
    #expect(facts.networkClass == "ultralytics.nn.tasks.DetectionModel")
    #expect(exact.facts.family == "yolov8" && exact.facts.classCount == 80)
  }

  @Test func `a folded ONNX file is the unfolded network, by names and by its graph`() throws {
    let folded = try open("yolov8n-coco-rebuilt-folded.onnx")
    let exact = try open("yolov8n-coco-rebuilt.safetensors")
    #expect(folded.facts.family == "yolov8" && folded.facts.task == "detect")
    #expect(folded.facts.classNames?.count == 80 && folded.facts.imageSize == [640, 640])
    #expect(folded.convolutions.count == 64)
    #expect(folded.convolutions.filter { $0.bias != nil }.count == 63)
    #expect(folded.convolutions.first?.inputs == [-1])
    #expect(folded.convolutions.first?.shape == [16, 3, 3, 3])
    var compared = 0
    // This file's weights are called `model.0.conv.W`, its nodes `model.0.conv`.
    for convolution in folded.convolutions where convolution.name.hasSuffix(".conv") {
      let layer = String(convolution.name.dropLast(".conv".count))
      guard exact.tensors.contains(where: { $0.name == layer + ".bn.weight" }) else { continue }
      func numbers(_ name: String) throws -> [Float] { try exact.read("\(layer).\(name)").floats }
      let (gain, shift) = (try numbers("bn.weight"), try numbers("bn.bias"))
      let (mean, variance) = (try numbers("bn.running_mean"), try numbers("bn.running_var"))
      let factors = zip(gain, variance).map { $0 / ($1 + 1e-3).squareRoot() }
      let weight = try exact.read(layer + ".conv.weight")
      let inner = weight.elementCount / weight.shape[0]
      let found = try folded.read(convolution.weight).floats
      let expected = weight.floats.enumerated().map { $1 * factors[$0 / inner] }
      // Both were rounded to FP32 after a few products.
      let size = expected.map(abs).max() ?? 0
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-5 * size }, "\(layer)")
      let bias = try folded.read(try #require(convolution.bias)).floats
      let expectedBias = shift.indices.map { shift[$0] - mean[$0] * factors[$0] }
      let biasSize = expectedBias.map(abs).max() ?? 0
      #expect(zip(bias, expectedBias).allSatisfy { abs($0 - $1) <= 1e-4 * biasSize }, "\(layer)")
      compared += 1
    }
    #expect(compared == 57)
  }

  @Test func `a third party's fine-tune says its classes`() throws {
    let file = try open("yolov8n-railway6.pt")
    #expect(
      file.facts.classNames == ["Animal", "Car", "Person", "Rock", "Trash", "Tree"])
    #expect(file.facts.family == "yolov8" && file.facts.variant == "n" && file.tensors.count == 355)
    #expect(file.facts.version == "8.4.7" && file.facts.epoch == -1)
  }

  @Test func `other families are recognized`() throws {
    let old = try open("yolov5n-ppe2-legacy.pt")
    #expect(old.facts.networkClass == "models.yolo.Model")
    #expect(old.facts.family == "yolov5" && old.facts.variant == "n" && old.facts.task == "detect")
    #expect(old.facts.classNames == ["helmet", "vest"])
    let eleven = try open("yolo11n-coco-rebuilt.safetensors")
    #expect(eleven.facts.family == "yolo11" && eleven.facts.variant == "n")
    #expect(eleven.facts.classCount == 80)
    let other = try open("yolox_nano.onnx")
    #expect(other.facts.family == "yolox")
    #expect(other.convolutions.count == 113)
    #expect(other.convolutions.filter { $0.groups > 1 && $0.shape[1] == 1 }.count == 30)
  }

  @Test func `an int8 TFLite file becomes float`() throws {
    let file = try open("yolov8n-person-256-int8.tflite")
    #expect(file.facts.isDequantized && file.facts.imageSize == [256, 256])
    #expect(file.convolutions.count == 64)
    #expect(file.convolutions[0].shape == [16, 3, 3, 3] && file.convolutions[0].strides == [2, 2])
    for convolution in file.convolutions {
      let weight = try file.read(convolution.weight)
      #expect(weight.shape.extents == convolution.shape)
      // Every channel has 255 steps at most, and some weight is at an end of each channel's range.
      let largest = weight.floats.map(abs).max() ?? 0
      #expect(largest > 1e-4 && largest < 100)
    }
    #expect(try file.nonFiniteTensors().isEmpty)
  }

  @Test func `a download that was cut off is refused`() throws {
    #expect {
      _ = try open("bad-truncated.pt")
    } throws: { "\($0)".contains("cut off") }
  }

  @Test func `a real file cut or changed anywhere is read or refused`() throws {
    var random = Philox(seed: 34)
    for name in ["yolov8n-railway6.pt", "yolov8n-person-256-int8.tflite", "yolox_nano.onnx"] {
      let whole = Array(try Data(contentsOf: URL(fileURLWithPath: TestData.weights(name))))
      for _ in 0..<20 {
        if let sentence = refusal(MutationTests.mutated(whole, &random)) {
          #expect(sentence.hasPrefix("FILE "))
        }
      }
    }
  }
}

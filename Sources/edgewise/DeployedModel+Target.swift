import Checkpoints
import Datasets
import Exporting
import Graphs
import MessagePassing
import Parallel
import Quantization
import Training

extension PlacementTarget {
  /// Whether what it runs is a TFLite file, not an ONNX one.
  var hasTFLiteFile: Bool { self == .tflite || self == .edgetpu }
}

extension DeployedModel {
  /// - Throws: a sentence for a checkpoint without ranges, and for a target that refuses a node.
  func requireTarget(_ target: PlacementTarget) throws {
    guard quantized != nil else {
      throw TrainingError.unusableCheckpoint(
        path: path,
        reason:
          "it is from the float phase and has no ranges; give it some with edgewise calibrate, or take one from after calibration"
      )
    }
    let refused = try findings(target: target).filter { $0.kind == .refused }
    guard let first = refused.first else { return }
    let others = refused.count == 1 ? "" : " (and \(refused.count - 1) more nodes)"
    throw FailureReport(
      message:
        "\(path): the target \(target.rawValue) refuses node \(first.node): \(first.reason)\(others); for a model of that target: edgewise calibrate \(path) --target \(target.rawValue) --output FOLDER",
      exitCode: 65, rank: 0)
  }

  /// The validation pictures of the checkpoint's recipe.
  ///
  /// - Throws: `DataError`, or a sentence where they have other classes than the model.
  func validation(_ reader: CheckpointReader) throws -> Dataset {
    let data = try recipe.loadValidation(
      runFolder: runFolder(ofCheckpoint: reader.path), communicator: .solo)
    guard data.classNames == classNames else {
      throw FailureReport(
        message:
          "the validation pictures have the classes \(data.classNames), the checkpoint \(classNames); give the data it was trained for with --set data.root=PATH",
        exitCode: 65, rank: 0)
    }
    return data
  }
}

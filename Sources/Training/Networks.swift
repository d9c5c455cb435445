public import Graphs
import Models
public import Quantization

extension Recipe {
  /// The network in float.
  public func floatGraph(classNames: [String]) -> Graph {
    yolov8(
      model.architecture.size, classNames: classNames, inputHeight: model.inputSize,
      inputWidth: model.inputSize, activation: model.activation.kind)
  }

  /// The network with the sites of the target.
  ///
  /// - Throws: a sentence, where the target has no integers of so few bits.
  public func quantizedGraph(_ float: Graph) throws(TrainingError) -> Graph {
    let rules = quantization.target.kind.rules
    guard rules.activationBits.contains(quantization.activationBits) else {
      throw .unsupported(
        "`quantization.activationBits` is \(quantization.activationBits), but `quantization.target` \(quantization.target.rawValue) holds activations as int8 only; use 8, or the target tensorrt or onnxruntime"
      )
    }
    return float.placingSites(
      rules, weightBits: quantization.weightBits, activationBits: quantization.activationBits)
  }
}

/// The targets as the quantization pass knows them; `Recipe.Quantization` hides the module there.
public typealias PlacementTarget = Quantization.Target

extension Recipe.Quantization.Target {
  /// The same target for the quantization pass.
  public var kind: PlacementTarget { PlacementTarget(rawValue: rawValue)! }
}

extension Recipe.Model.Architecture {
  /// The size letter of YOLOv8.
  var size: YOLOv8Size {
    switch self {
    case .yolov8n: .n
    case .yolov8s: .s
    case .yolov8m: .m
    case .yolov8l: .l
    case .yolov8x: .x
    }
  }
}

extension Recipe.Model.Activation {
  var kind: Graphs.Activation {
    switch self {
    case .silu: .silu
    case .relu: .relu
    case .relu6: .relu6
    }
  }
}

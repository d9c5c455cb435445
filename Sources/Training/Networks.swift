public import Graphs
import Models
import Quantization

/// The targets as the quantization pass knows them; `Recipe.Quantization` hides the module here.
private typealias PlacementTarget = Quantization.Target

extension Recipe {
  /// The network in float.
  public func floatGraph(classNames: [String]) -> Graph {
    yolov8(
      model.architecture.size, classNames: classNames, inputHeight: model.inputSize,
      inputWidth: model.inputSize, activation: model.activation.kind)
  }

  /// The network with the sites of the target.
  ///
  /// - Throws: a sentence, where the placement rules of the target are not known.
  public func quantizedGraph(_ float: Graph) throws(TrainingError) -> Graph {
    guard let rules = PlacementTarget(rawValue: quantization.target.rawValue)?.placement else {
      throw .unsupported(
        "`quantization.target` \(quantization.target.rawValue) has no placement rules yet; use tensorrt or portable"
      )
    }
    return float.placingSites(
      rules, weightBits: quantization.weightBits, activationBits: quantization.activationBits)
  }
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

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
  /// - Throws: a sentence, where the target has no integers of so few bits, or where a pattern of
  ///   `quantization.overrides` fits nothing.
  public func quantizedGraph(_ float: Graph) throws(TrainingError) -> Graph {
    let rules = quantization.target.kind.rules
    guard rules.activationBits.contains(quantization.activationBits) else {
      throw .unsupported(
        "`quantization.activationBits` is \(quantization.activationBits), but `quantization.target` \(quantization.target.rawValue) holds activations as int8 only; use 8, or the target tensorrt or onnxruntime"
      )
    }
    let placed = try placingSites(float, rules)
    for site in placed.sites where !rules.activationBits.contains(site.bits) {
      throw .unsupported(
        "`quantization.overrides` gives site \(site.name) \(site.bits) bits, but `quantization.target` \(quantization.target.rawValue) holds activations as int8 only; use 8, or the target tensorrt or onnxruntime"
      )
    }
    let method: LearnedRange.Method? =
      switch quantization.ranges {
      case .moving, .fixed: nil
      case .lsq: .lsq
      case .pact: .pact
      }
    return placed.learningScales(weights: quantization.weightScales == .lsq, ranges: method)
  }

  /// The network with the sites of any target's rules and the recipe's bits.
  ///
  /// - Throws: a sentence, where a pattern of `quantization.overrides` fits nothing.
  public func placingSites(_ float: Graph, _ rules: PlacementRules) throws(TrainingError) -> Graph {
    do throws(UnmatchedPattern) {
      return try float.placingSites(rules).settingBits(quantization.bitRules)
    } catch {
      throw .unsupported("`quantization.overrides`: \(error)")
    }
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

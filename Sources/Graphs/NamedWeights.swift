public import Tensors

/// The numbers of a graph's parameters, by name.
public typealias NamedWeights = [String: Tensor]

extension Graph {
  /// Checks that `weights` holds every parameter in its shape as FP32.
  public func check(_ weights: NamedWeights) throws(GraphError) {
    for parameter in parameters {
      guard let tensor = weights[parameter.name] else {
        throw GraphError(graph: name, reason: "there are no weights for \(parameter.name)")
      }
      guard tensor.shape == parameter.shape, tensor.dtype == .float32 else {
        throw GraphError(
          graph: name,
          reason:
            "weights for \(parameter.name) are \(tensor.dtype) \(tensor.shape), expected float32 \(parameter.shape)"
        )
      }
    }
  }
}

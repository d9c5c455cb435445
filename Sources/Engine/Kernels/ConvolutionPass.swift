/// One direction of a convolution with its memory bound once: forward, backward to the data, or
/// backward to the weights.
protocol ConvolutionPass: AnyObject {
  /// Takes over weights that were changed; once per step.
  func prepareWeights()
  func run()
  /// Memory of its own.
  var byteCount: Int { get }
}

extension ConvolutionPass {
  func prepareWeights() {}
  var byteCount: Int { 0 }
}

extension Primitive: ConvolutionPass {}

public import Graphs

extension Graph {
  /// The number of parameters that publications state for this network.
  ///
  /// Ultralytics' YOLOv8 holds the integers 0 ... 15, over which the distances' expectation is
  /// taken, as the weight `model.22.dfl.conv.weight` of a convolution and counts them. Here decoding
  /// lies outside the graph, and `trainableParameterCount` is without them.
  public var publishedParameterCount: Int { trainableParameterCount + (head?.bins ?? 0) }
}

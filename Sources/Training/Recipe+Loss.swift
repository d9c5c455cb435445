extension Recipe {
  /// `loss`: the weights of its three parts, and over what it is taken.
  public struct Loss: Codable, Sendable, Hashable {
    public enum Reduction: String, Codable, Sendable, Hashable, CaseIterable {
      /// The mean over the shards times the global batch size: the gradient grows with the batch.
      /// What the usual YOLO rates (SGD at 0.01, clipped at 10) are made for.
      case sum
      /// The mean over the shards.
      case mean
    }

    /// CIoU of the boxes.
    public var box = 7.5
    /// Binary cross-entropy of the classes.
    public var classification = 0.5
    /// Distribution focal loss of the box sides.
    public var distribution = 1.5
    public var reduction = Reduction.sum

    static let fields: [RecipeField] = [
      .number("loss.box", \.loss.box, 0...1e6),
      .number("loss.classification", \.loss.classification, 0...1e6),
      .number("loss.distribution", \.loss.distribution, 0...1e6),
      .choice("loss.reduction", \.loss.reduction),
    ]
  }
}

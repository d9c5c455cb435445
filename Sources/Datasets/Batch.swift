public import Tensors

/// The input of one forward pass, with its targets.
public struct Batch: Sendable {
  /// uint8 `[N, H, W, 3]`, RGB.
  public var images: Tensor
  /// Per image, in pixels of the H×W input.
  public var boxes: [[LabeledBox]]
  /// Per image, its position in the data set.
  public var sampleIndices: [Int]
  /// Per image, how it was fitted into the input. Of an augmented image only the plain fit is
  /// given, without the augmentation.
  public var letterboxes: [Letterbox]

  public init(
    images: Tensor, boxes: [[LabeledBox]], sampleIndices: [Int], letterboxes: [Letterbox]
  ) {
    self.images = images
    self.boxes = boxes
    self.sampleIndices = sampleIndices
    self.letterboxes = letterboxes
  }
}

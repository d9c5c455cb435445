/// The grid of one detection level: `height` × `width` cells of `stride` × `stride` input pixels.
///
/// The anchor of cell (row, column) is its centre: ((column + ½)·stride, (row + ½)·stride) pixels.
public struct LevelGeometry: Hashable, Sendable {
  public var height: Int
  public var width: Int
  public var stride: Int

  public init(height: Int, width: Int, stride: Int) {
    precondition(
      height > 0 && width > 0 && stride > 0, "level \(height)×\(width), stride \(stride)")
    self.height = height
    self.width = width
    self.stride = stride
  }

  public var cellCount: Int { height * width }
}

/// How a box is written in the channels of a head.
public enum BoxEncoding {
  /// Bins per side: a distance is the expectation of a distribution over 0, 1, …, 15 cells.
  public static let binCount = 16
  /// Left, top, right, bottom, in this order, each `binCount` logits.
  public static let channelCount = 4 * binCount
}

/// What a head computed for one level, read by the decoder. The memory belongs to the engine.
///
/// - Shapes: `boxes` `[N, height, width, 64]`; `classes` `[N, height, width, classCount]`; logits.
public struct HeadOutputs {
  public var boxes: UnsafePointer<Float>
  public var classes: UnsafePointer<Float>
  public var geometry: LevelGeometry

  public init(
    boxes: UnsafePointer<Float>, classes: UnsafePointer<Float>, geometry: LevelGeometry
  ) {
    self.boxes = boxes
    self.classes = classes
    self.geometry = geometry
  }
}

/// One level of a head in training: its logits and where their gradients go. The engine owns both.
///
/// - Shapes: `boxes`, `boxGradients` `[N, height, width, 64]`; `classes`, `classGradients`
///   `[N, height, width, classCount]`.
public struct HeadLevel {
  public var boxes: UnsafeMutablePointer<Float>
  public var classes: UnsafeMutablePointer<Float>
  public var boxGradients: UnsafeMutablePointer<Float>
  public var classGradients: UnsafeMutablePointer<Float>
  public var height: Int
  public var width: Int
  public var stride: Int

  public init(
    boxes: UnsafeMutablePointer<Float>, classes: UnsafeMutablePointer<Float>,
    boxGradients: UnsafeMutablePointer<Float>, classGradients: UnsafeMutablePointer<Float>,
    height: Int, width: Int, stride: Int
  ) {
    self.boxes = boxes
    self.classes = classes
    self.boxGradients = boxGradients
    self.classGradients = classGradients
    self.height = height
    self.width = width
    self.stride = stride
  }

  public var geometry: LevelGeometry {
    LevelGeometry(height: height, width: width, stride: stride)
  }

  /// The same logits, for reading.
  public var outputs: HeadOutputs {
    HeadOutputs(
      boxes: UnsafePointer(boxes), classes: UnsafePointer(classes), geometry: geometry)
  }
}

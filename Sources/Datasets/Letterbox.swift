public import Images

/// How a picture was fitted into the network's input: `input = original · scale + (padX, padY)`.
///
/// *Units:* continuous pixel coordinates on both sides (see `Image`).
public struct Letterbox: Hashable, Sendable, Codable {
  public var scale: Float
  public var padX: Float
  public var padY: Float
  /// The original picture's size as it is shown.
  public var originalSize: ImageSize

  public init(scale: Float, padX: Float, padY: Float, originalSize: ImageSize) {
    self.scale = scale
    self.padX = padX
    self.padY = padY
    self.originalSize = originalSize
  }

  /// Original corners in the input.
  public func toInput(_ corners: SIMD4<Float>) -> SIMD4<Float> {
    corners * scale + SIMD4(padX, padY, padX, padY)
  }

  /// Input corners in the original picture, clipped to it.
  public func toOriginal(_ corners: SIMD4<Float>) -> SIMD4<Float> {
    let c = (corners - SIMD4(padX, padY, padX, padY)) / scale
    let (W, H) = (Float(originalSize.width), Float(originalSize.height))
    return SIMD4(
      min(max(c[0], 0), W), min(max(c[1], 0), H), min(max(c[2], 0), W), min(max(c[3], 0), H))
  }
}

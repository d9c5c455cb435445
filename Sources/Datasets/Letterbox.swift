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

  /// Fits a picture centred into a square of `size`: its longer side becomes `size`; of an odd
  /// remainder the smaller half lies left or above.
  public init(fitting originalSize: ImageSize, into size: Int) {
    precondition(size > 0, "input size \(size)")
    let scale = Float(size) / Float(max(originalSize.width, originalSize.height))
    self.init(scale: scale, padX: 0, padY: 0, originalSize: originalSize)
    padX = Float((size - contentSize.width) / 2)
    padY = Float((size - contentSize.height) / 2)
  }

  /// The size of the scaled picture inside the input, in whole pixels.
  public var contentSize: ImageSize {
    ImageSize(
      width: max(1, Int((Float(originalSize.width) * scale).rounded())),
      height: max(1, Int((Float(originalSize.height) * scale).rounded())))
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

/// The gray of what a picture does not cover.
public let paddingGray: UInt8 = 114

extension Image {
  /// The picture fitted into a square of `size`, the rest gray, and the mapping.
  ///
  /// Shrinking averages (see `Image.resampled`), so nothing aliases.
  public func letterboxed(to size: Int) -> (image: Image, letterbox: Letterbox) {
    let letterbox = Letterbox(fitting: self.size, into: size)
    let content = resampled(
      scaleX: Double(letterbox.scale), scaleY: Double(letterbox.scale), to: letterbox.contentSize)
    var result = Image(width: size, height: size, fill: paddingGray)
    result.pixels.withUnsafeMutableBufferPointer { target in
      content.place(at: letterbox, size: size, into: target.baseAddress!)
    }
    return (result, letterbox)
  }

  /// Copies the picture, which is the letterbox's content, into a `size`×`size` canvas.
  func place(at letterbox: Letterbox, size: Int, into target: UnsafeMutablePointer<UInt8>) {
    precondition(self.size == letterbox.contentSize, "\(self.size) for \(letterbox.contentSize)")
    pixels.withUnsafeBufferPointer { source in
      let first = target + (Int(letterbox.padY) * size + Int(letterbox.padX)) * 3
      for y in 0..<height {
        (first + y * size * 3).update(
          from: source.baseAddress! + y * width * 3, count: width * 3)
      }
    }
  }
}

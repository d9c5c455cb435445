/// A picture in memory: 8-bit RGB, interleaved, row by row from the top left.
///
/// *Shapes:* `pixels` `[height, width, 3]`. Coordinates are continuous: the pixel of column `x`
/// covers `x ..< x + 1`, its centre lies at `x + 0.5`.
public struct Image: Equatable, Sendable {
  public let width: Int
  public let height: Int
  public var pixels: [UInt8]

  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(
      width > 0 && height > 0 && pixels.count == width * height * 3,
      "\(pixels.count) bytes for a picture of \(width)x\(height)x3")
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// A picture of one colour.
  public init(width: Int, height: Int, fill: RGB) {
    precondition(width > 0 && height > 0, "a picture of \(width)x\(height)")
    var pixels = [UInt8](repeating: fill.red, count: width * height * 3)
    if fill.green != fill.red || fill.blue != fill.red {
      for i in stride(from: 0, to: pixels.count, by: 3) {
        pixels[i + 1] = fill.green
        pixels[i + 2] = fill.blue
      }
    }
    self.init(width: width, height: height, pixels: pixels)
  }

  /// A picture of one gray level.
  public init(width: Int, height: Int, fill gray: UInt8) {
    self.init(width: width, height: height, fill: RGB(gray, gray, gray))
  }

  public var size: ImageSize { ImageSize(width: width, height: height) }

  /// The colour of one pixel.
  public subscript(x: Int, y: Int) -> RGB {
    get {
      precondition(x >= 0 && x < width && y >= 0 && y < height, "pixel (\(x), \(y)) of \(size)")
      let i = (y * width + x) * 3
      return RGB(pixels[i], pixels[i + 1], pixels[i + 2])
    }
    set {
      precondition(x >= 0 && x < width && y >= 0 && y < height, "pixel (\(x), \(y)) of \(size)")
      let i = (y * width + x) * 3
      pixels[i] = newValue.red
      pixels[i + 1] = newValue.green
      pixels[i + 2] = newValue.blue
    }
  }
}

/// A colour of 8 bits per channel.
public struct RGB: Hashable, Sendable {
  public var red: UInt8
  public var green: UInt8
  public var blue: UInt8

  public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
    self.red = red
    self.green = green
    self.blue = blue
  }
}

/// Width and height in pixels.
public struct ImageSize: Hashable, Sendable, Codable, CustomStringConvertible {
  public var width: Int
  public var height: Int

  public init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }

  public var description: String { "\(width)x\(height)" }

  /// What it takes to be read at all: 1 … 65500 pixels a side (libjpeg's own bound) and at most
  /// 2²⁷ pixels (384 MiB as RGB), so that a few hostile bytes cannot ask for all the memory.
  static let maximumSide = 65_500
  static let maximumPixelCount = 1 << 27
}

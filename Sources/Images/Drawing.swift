extension Image {
  /// Fills the pixels `x0 ..< x1`, `y0 ..< y1`, as far as they lie in the picture.
  public mutating func fillRectangle(x0: Int, y0: Int, x1: Int, y1: Int, color: RGB) {
    let (left, right) = (max(x0, 0), min(x1, width))
    guard left < right else { return }
    for y in max(y0, 0)..<max(min(y1, height), max(y0, 0)) {
      for x in left..<right { self[x, y] = color }
    }
  }

  /// Draws the outline of the box `x0, y0, x1, y1` (continuous coordinates, rounded to pixels), its
  /// `lineWidth` pixels growing inwards.
  public mutating func drawRectangle(corners: SIMD4<Float>, color: RGB, lineWidth: Int = 2) {
    precondition(lineWidth > 0, "line width \(lineWidth)")
    guard let (x0, y0, x1, y1) = pixelEdges(corners) else { return }
    let w = min(lineWidth, max(1, x1 - x0), max(1, y1 - y0))
    fillRectangle(x0: x0, y0: y0, x1: x1, y1: y0 + w, color: color)
    fillRectangle(x0: x0, y0: y1 - w, x1: x1, y1: y1, color: color)
    fillRectangle(x0: x0, y0: y0, x1: x0 + w, y1: y1, color: color)
    fillRectangle(x0: x1 - w, y0: y0, x1: x1, y1: y1, color: color)
  }

  /// Draws `text` with its top left at (`x`, `y`), each dot of the 5×7 font `scale` pixels wide.
  ///
  /// A line is 8 dots high and a character 6 wide; what is not ASCII shows as a filled block.
  public mutating func drawText(_ text: String, x: Int, y: Int, color: RGB, scale: Int = 1) {
    precondition(scale > 0, "text scale \(scale)")
    var left = x
    for character in text {
      let columns = BitmapFont.columns(of: character)
      for (i, column) in columns.enumerated() {
        for j in 0..<7 where column >> UInt8(j) & 1 == 1 {
          fillRectangle(
            x0: left + i * scale, y0: y + j * scale, x1: left + (i + 1) * scale,
            y1: y + (j + 1) * scale, color: color)
        }
      }
      left += 6 * scale
    }
  }

  /// Draws `text` on a bar of `color` that sits on the box's upper edge, or below it where there is
  /// no room above; in black or white, whichever can be read.
  public mutating func drawLabel(
    _ text: String, above corners: SIMD4<Float>, color: RGB, scale: Int = 1
  ) {
    guard !text.isEmpty, let (x0, y0, _, _) = pixelEdges(corners) else { return }
    let barWidth = (text.count * 6 + 1) * scale
    let barHeight = 9 * scale
    let left = max(0, min(x0, width - barWidth))
    let top = y0 >= barHeight ? y0 - barHeight : max(0, y0)
    fillRectangle(x0: left, y0: top, x1: left + barWidth, y1: top + barHeight, color: color)
    // The luma of ITU-R BT.601, in thousandths.
    let luma = 299 * Int(color.red) + 587 * Int(color.green) + 114 * Int(color.blue)
    let ink = luma > 140_000 ? RGB(0, 0, 0) : RGB(255, 255, 255)
    drawText(text, x: left + scale, y: top + scale, color: ink, scale: scale)
  }

  /// The corners in whole pixels; `nil` if they are not finite. Far outside is as good as just
  /// outside.
  private func pixelEdges(_ corners: SIMD4<Float>) -> (Int, Int, Int, Int)? {
    func edge(_ value: Float, _ extent: Int) -> Int {
      // In this order `min` and `max` pass no NaN on.
      Int(min(Float(extent + 16), max(-16, value)).rounded())
    }
    for i in 0..<4 where !corners[i].isFinite { return nil }
    return (
      edge(corners[0], width), edge(corners[1], height), edge(corners[2], width),
      edge(corners[3], height)
    )
  }
}

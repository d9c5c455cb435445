import Detection
import Images
import Reporting

extension Image {
  /// Draws boxes with class and score, weak ones first, so that strong ones lie on top.
  mutating func draw(_ objects: [DetectedBox], classNames: [String]) {
    let side = max(width, height)
    let lineWidth = max(1, side / 320)
    let textScale = max(1, side / 600)
    for object in objects.reversed() {
      let index = Int(object.classIndex)
      let color = classColors[index % classColors.count]
      drawRectangle(corners: object.corners, color: color, lineWidth: lineWidth)
      drawLabel(
        "\(classNames[index]) \(fixed(Double(object.score), 2))", above: object.corners,
        color: color, scale: textScale)
    }
  }
}

/// Easily told apart, also by people who see red and green alike (the palette of Okabe and Ito).
private let classColors = [
  RGB(86, 180, 233), RGB(230, 159, 0), RGB(0, 158, 115), RGB(240, 228, 66), RGB(0, 114, 178),
  RGB(213, 94, 0), RGB(204, 121, 167),
]

/// The pictures in rows and columns, each in a cell of 480 pixels of width.
func contactSheet(_ pictures: [Image]) -> Image {
  precondition(!pictures.isEmpty, "a contact sheet of nothing")
  var columns = 1
  while columns * columns < pictures.count { columns += 1 }
  let rows = (pictures.count + columns - 1) / columns
  let (cellWidth, gap) = (480, 4)
  let cellHeight = max(
    1, min(2 * cellWidth, cellWidth * pictures[0].height / pictures[0].width))
  var sheet = Image(
    width: columns * (cellWidth + gap) + gap, height: rows * (cellHeight + gap) + gap, fill: 32)
  for (index, picture) in pictures.enumerated() {
    let scale = min(
      Double(cellWidth) / Double(picture.width), Double(cellHeight) / Double(picture.height))
    let size = ImageSize(
      width: min(cellWidth, max(1, Int((Double(picture.width) * scale).rounded()))),
      height: min(cellHeight, max(1, Int((Double(picture.height) * scale).rounded()))))
    let small = picture.resized(to: size)
    let left = gap + index % columns * (cellWidth + gap) + (cellWidth - size.width) / 2
    let top = gap + index / columns * (cellHeight + gap) + (cellHeight - size.height) / 2
    for y in 0..<size.height {
      let row = small.pixels[(y * size.width * 3)..<((y + 1) * size.width * 3)]
      let start = ((top + y) * sheet.width + left) * 3
      sheet.pixels.replaceSubrange(start..<(start + row.count), with: row)
    }
  }
  return sheet
}

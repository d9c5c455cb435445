import Texts

/// The colour of a chart's series, in the order in which they are named.
func color(_ index: Int) -> String {
  let colors = ["#2f6fb2", "#d0703c", "#5c9a50", "#8a5fa8", "#b5453f", "#4a9aa5"]
  return colors[index % colors.count]
}

/// A coordinate: two decimals are finer than a screen.
func number(_ x: Double) -> String { ((x * 100).rounded() / 100).description }

/// The first lines of a drawing: its size, and white behind everything.
func opening(width: Double, height: Double) -> [String] {
  [
    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(number(width))\" height=\"\(number(height))\" font-family=\"sans-serif\" font-size=\"10\">",
    "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
  ]
}

/// `x` as far as a drawing can show it: none for what is not finite, and no span of two such values that
/// is too large for a Double.
func drawable(_ x: Double) -> Double? { x.isFinite ? min(max(x, -1e300), 1e300) : nil }

/// A line for each series with its colour, the first one's text at `y`.
func legend(_ series: [String], y: Double) -> [String] {
  series.enumerated().flatMap { index, name in
    let y = y + 16 * Double(index)
    return [
      "<rect x=\"12\" y=\"\(number(y - 8))\" width=\"10\" height=\"10\" fill=\"\(color(index))\"/>",
      "<text x=\"28\" y=\"\(number(y))\">\(xmlText(name))</text>",
    ]
  }
}

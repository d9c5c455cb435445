import Glibc
import Texts

/// Horizontal bars with their names and values, as an SVG drawing.
public struct BarChart: Sendable {
  public struct Bar: Sendable {
    public var name: String
    /// One for each of the chart's series; `nil` draws none.
    public var values: [Double?]

    public init(name: String, values: [Double?]) { (self.name, self.values) = (name, values) }
  }

  public var title: String
  /// What the series are, and in which unit.
  public var series: [String]
  public var bars: [Bar]

  public init(title: String, series: [String], bars: [Bar]) {
    precondition(bars.allSatisfy { $0.values.count == series.count }, "a value for each series")
    (self.title, self.series, self.bars) = (title, series, bars)
  }

  /// The drawing, without the values that are not finite; it needs no font but the viewer's own.
  public var svg: String {
    let (left, chartWidth, barHeight, gap) = (280.0, 420.0, 9.0, 6.0)
    let top = 44.0 + 16 * Double(series.count)
    let group = barHeight * Double(max(series.count, 1)) + gap
    let height = top + group * Double(bars.count) + 12
    let values = bars.flatMap { $0.values.compactMap { $0.flatMap(drawable) } }
    // A bar below zero grows to the left.
    let (low, high) = (min(values.min() ?? 0, 0), max(values.max() ?? 1, 0))
    let perUnit = chartWidth / (high > low ? max(high - low, 1e-290) : 1)
    let zero = left - low * perUnit
    var lines = opening(width: left + chartWidth + 100, height: height)
    lines.append("<text x=\"12\" y=\"22\" font-size=\"14\">\(xmlText(title))</text>")
    lines += legend(series, y: 38)
    lines.append(
      "<line x1=\"\(number(zero))\" y1=\"\(number(top - 4))\" x2=\"\(number(zero))\" y2=\"\(number(height - 8))\" stroke=\"#888\"/>"
    )
    for (row, bar) in bars.enumerated() {
      let y = top + group * Double(row)
      lines.append(
        "<text x=\"\(number(left - 8))\" y=\"\(number(y + 8))\" text-anchor=\"end\">\(xmlText(bar.name))</text>"
      )
      for (index, value) in bar.values.enumerated() {
        guard let value = value.flatMap(drawable) else { continue }
        let place = y + barHeight * Double(index)
        let from = min(zero, zero + value * perUnit)
        lines.append(
          "<rect x=\"\(number(from))\" y=\"\(number(place))\" width=\"\(number(abs(value) * perUnit))\" height=\"\(number(barHeight - 1))\" fill=\"\(color(index))\"/>"
        )
        lines.append(
          "<text x=\"\(number(max(zero, zero + value * perUnit) + 4))\" y=\"\(number(place + 8))\">\(label(value))</text>"
        )
      }
    }
    return lines.joined(separator: "\n") + "\n</svg>\n"
  }

  /// Three digits: the bar shows no more.
  private func label(_ value: Double) -> String {
    guard value != 0, value.isFinite else { return brief(value) }
    let unit = pow(10, floor(log10(abs(value))) - 2)
    return unit > 0 ? brief((value / unit).rounded() * unit) : brief(value)
  }
}

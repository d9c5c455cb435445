import Glibc
import Texts

/// Lines over one horizontal axis, several small charts side by side, as an SVG drawing.
public struct LineChart: Sendable {
  public struct Point: Hashable, Sendable {
    public var x, y: Double
    public init(x: Double, y: Double) { (self.x, self.y) = (x, y) }
  }

  /// One quantity: a line per series, empty where a series does not have it.
  public struct Panel: Sendable {
    public var title: String
    public var lines: [[Point]]
    public init(title: String, lines: [[Point]]) { (self.title, self.lines) = (title, lines) }
  }

  /// What the lines are, and what the horizontal axis counts.
  public var series: [String]
  public var axis: String
  public var panels: [Panel]

  public init(series: [String], axis: String, panels: [Panel]) {
    precondition(panels.allSatisfy { $0.lines.count == series.count }, "a line for each series")
    (self.series, self.axis, self.panels) = (series, axis, panels)
  }

  private static let columns = 3
  private static let (width, height) = (250.0, 170.0)
  private static let (left, top, right, bottom) = (52.0, 30.0, 14.0, 34.0)

  /// The drawing; it needs no font but the viewer's own.
  public var svg: String {
    let head = 16 + 16 * Double(series.count)
    let cell = (
      width: Self.left + Self.width + Self.right, height: Self.top + Self.height + Self.bottom
    )
    let rows = (panels.count + Self.columns - 1) / Self.columns
    let (wide, high) = (
      cell.width * Double(min(panels.count, Self.columns)), head + cell.height * Double(rows)
    )
    var lines = opening(width: wide, height: high) + legend(series, y: 18)
    for (index, panel) in panels.enumerated() {
      let (column, row) = (index % Self.columns, index / Self.columns)
      lines += drawing(
        of: panel, x: Double(column) * cell.width + Self.left,
        y: head + Double(row) * cell.height + Self.top)
    }
    return lines.joined(separator: "\n") + "\n</svg>\n"
  }

  /// One chart, the upper left corner of its area at (x, y).
  private func drawing(of panel: Panel, x: Double, y: Double) -> [String] {
    let lines = panel.lines.map { $0.compactMap(\.drawable) }
    let points = lines.joined()
    let across = Ticks(points.map(\.x)), up = Ticks(points.map(\.y))
    func place(_ point: Point) -> (x: Double, y: Double) {
      (
        x + Self.width * across.part(point.x), y + Self.height * (1 - up.part(point.y))
      )
    }
    var drawn = [
      "<text x=\"\(number(x))\" y=\"\(number(y - 8))\" font-size=\"12\">\(xmlText(panel.title))</text>"
    ]
    for tick in up.values {
      let at = place(Point(x: across.low, y: tick)).y
      drawn.append(
        "<line x1=\"\(number(x))\" y1=\"\(number(at))\" x2=\"\(number(x + Self.width))\" y2=\"\(number(at))\" stroke=\"#ddd\"/>"
      )
      drawn.append(
        "<text x=\"\(number(x - 5))\" y=\"\(number(at + 3))\" text-anchor=\"end\">\(brief(tick))</text>"
      )
    }
    for tick in across.values {
      let at = place(Point(x: tick, y: up.low)).x
      drawn.append(
        "<text x=\"\(number(at))\" y=\"\(number(y + Self.height + 13))\" text-anchor=\"middle\">\(brief(tick))</text>"
      )
    }
    drawn.append(
      "<text x=\"\(number(x + Self.width / 2))\" y=\"\(number(y + Self.height + 26))\" text-anchor=\"middle\">\(xmlText(axis))</text>"
    )
    for (index, line) in lines.enumerated() {
      let places = line.map(place)
      if places.isEmpty { continue }
      let text = places.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
      drawn.append(
        "<polyline points=\"\(text)\" fill=\"none\" stroke=\"\(color(index))\" stroke-width=\"1.3\"/>"
      )
    }
    return drawn
  }
}

extension LineChart.Point {
  fileprivate var drawable: Self? {
    guard let x = Reporting.drawable(x), let y = Reporting.drawable(y) else { return nil }
    return Self(x: x, y: y)
  }
}

/// Round numbers that lie in the range of some values, and the range they span together.
struct Ticks {
  var low, high: Double
  var values: [Double]

  /// Numbers beyond are drawn at the edge: their differences would be no numbers.
  private static let largest = 1e300

  /// At most seven ticks, 1, 2 or 5 times a power of ten apart.
  init(_ numbers: [Double]) {
    let kept = numbers.map { min(max($0, -Self.largest), Self.largest) }
    let (smallest, largest) = (kept.min() ?? 0, kept.max() ?? 1)
    let size = max(abs(smallest), abs(largest))
    // A width that such numbers can hardly express is none.
    let isFlat = largest - smallest <= max(size * 1e-12, 1 / Self.largest)
    let span = isFlat ? max(size, 1) : largest - smallest
    let power = pow(10, floor(log10(span / 4)))
    let step = power * ([1, 2, 5].first { $0 * power >= span / 6 } ?? 10)
    low = floor(smallest / step) * step
    high = max(ceil(largest / step) * step, low + step)
    let count = Int(min(((high - low) / step).rounded(), 20))  // bounded: 1 to 20
    values = (0...count).map { [low, step] in low + Double($0) * step }  // bounded: 1 to 20
  }

  /// Where `x` lies between the ends, from 0 to 1.
  func part(_ x: Double) -> Double { min(max((x - low) / (high - low), 0), 1) }
}

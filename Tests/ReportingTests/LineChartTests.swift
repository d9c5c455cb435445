import Foundation
import FoundationXML
import Reporting
import Testing

@Suite struct LineChartTests {
  private func chart(_ lines: [[LineChart.Point]]) -> LineChart {
    LineChart(
      series: lines.indices.map { "run <\($0)>" }, axis: "epoch",
      panels: [.init(title: "loss", lines: lines)])
  }

  @Test func `points lie where their values are on round axes`() {
    // 0 … 4 across and 0 … 8 up; the area is 250 × 170 with its corner at (52, 62).
    let svg = chart([[.init(x: 0, y: 0), .init(x: 4, y: 8), .init(x: 2, y: 2)]]).svg
    #expect(svg.contains("points=\"52.0,232.0 302.0,62.0 177.0,189.5\""))
    for tick in ["0", "2", "4", "6", "8"] { #expect(svg.contains(">\(tick)</text>")) }
    #expect(svg.hasPrefix("<svg xmlns=") && svg.hasSuffix("</svg>\n"))
  }

  @Test func `a line each, named in the legend, and none for a series without points`() {
    let point = LineChart.Point(x: 1, y: 1)
    let svg = chart([[point], [], [point, .init(x: 2, y: .nan)]]).svg
    #expect(svg.matches(of: /<polyline/).count == 2)
    #expect(svg.contains("run &lt;1&gt;"))
    #expect(!svg.contains("nan"))
  }

  @Test(arguments: [
    [1e308, -1e308], [.greatestFiniteMagnitude, 0], [1e308, 1e308.nextUp],
    [.leastNonzeroMagnitude, 0],
    [1, 1 + .ulpOfOne], [-.infinity, .infinity, .nan], [1e300, 1e300 * (1 + .ulpOfOne)],
  ])
  func `values of any size are drawn on axes of finite numbers`(values: [Double]) {
    let points = values.enumerated().map { LineChart.Point(x: Double($0.offset), y: $0.element) }
    let svg = chart([points, points.map { .init(x: $0.y, y: $0.x) }]).svg
    #expect(!svg.contains("nan") && !svg.contains("inf"))
    #expect(svg.matches(of: /<text/).count < 40)
    let bars = BarChart(
      title: "", series: ["a"], bars: values.map { .init(name: "b", values: [$0]) }
    ).svg
    #expect(!bars.contains("nan") && !bars.contains("inf"))
  }

  @Test func `a name of any characters leaves the drawing XML`() {
    let name = "&\u{301}<\u{0}\u{1B}\u{FFFE}\u{202E}\n\"]]>"
    let charts = [
      LineChart(series: [name], axis: name, panels: [.init(title: name, lines: [[]])]).svg,
      BarChart(title: name, series: [name], bars: [.init(name: name, values: [1])]).svg,
    ]
    for svg in charts {
      let parser = XMLParser(data: Data(svg.utf8))
      #expect(parser.parse(), "\(String(describing: parser.parserError))")
    }
  }

  @Test func `charts of nothing, of one value and of tiny values are drawn`() {
    for lines in [[[]], [[.init(x: 3, y: 5)]], [[.init(x: 1, y: 1e-9), .init(x: 2, y: 3e-9)]]]
      as [[[LineChart.Point]]]
    {
      let svg = chart(lines).svg
      #expect(!svg.contains("nan") && !svg.contains("inf"))
    }
  }
}

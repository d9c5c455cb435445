import Reporting
import Testing

@Suite struct BarChartTests {
  @Test func `bars are as long as their values, to both sides of zero`() {
    let chart = BarChart(
      title: "a < b", series: ["loss"],
      bars: [
        .init(name: "x", values: [3]), .init(name: "y & z", values: [-1]),
        .init(name: "none", values: [nil]),
      ])
    let svg = chart.svg
    // 420 units for -1 … 3, zero a quarter from the left edge at 280.
    #expect(svg.contains("x=\"385.0\" y=\"60.0\" width=\"315.0\""))
    #expect(svg.contains("x=\"280.0\" y=\"75.0\" width=\"105.0\""))
    #expect(svg.contains("a &lt; b") && svg.contains("y &amp; z"))
    #expect(svg.matches(of: /<rect/).count == 1 + 1 + 2)
    #expect(svg.hasPrefix("<svg xmlns=") && svg.hasSuffix("</svg>\n"))
  }
}

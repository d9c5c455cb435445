/// A table for a terminal: columns padded to their widest cell, two spaces between them.
public struct TextTable: Sendable, CustomStringConvertible {
  public enum Alignment: Sendable { case left, right }

  public struct Column: Sendable {
    public let title: String
    public let alignment: Alignment

    /// For words.
    public static func left(_ title: String) -> Self { Self(title: title, alignment: .left) }
    /// For numbers.
    public static func right(_ title: String) -> Self { Self(title: title, alignment: .right) }
  }

  public let columns: [Column]
  public private(set) var rows: [[String]] = []

  public init(_ columns: [Column]) { self.columns = columns }

  /// Adds a row of as many cells as there are columns.
  public mutating func append(_ cells: [String]) {
    precondition(cells.count == columns.count, "\(cells.count) cells for \(columns.count) columns")
    rows.append(cells)
  }

  /// Titles, a rule, the rows; lines end without spaces, the last one without a line end.
  public var description: String {
    let titles = columns.map(\.title)
    let widths = columns.indices.map { column in
      rows.reduce(titles[column].count) { max($0, $1[column].count) }
    }
    func line(_ cells: [String]) -> String {
      let padded = columns.indices.map { column in
        let gap = String(repeating: " ", count: widths[column] - cells[column].count)
        return columns[column].alignment == .left ? cells[column] + gap : gap + cells[column]
      }
      let text = padded.joined(separator: "  ")
      return String(text.reversed().drop { $0 == " " }.reversed())
    }
    let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
    return ([line(titles), rule] + rows.map(line)).joined(separator: "\n")
  }
}

import Texts

/// A table for a terminal: columns padded to their widest cell, two spaces between them. Cells are made
/// printable, so that the lines of a table are its rows.
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
    rows.append(cells.map(printable))
  }

  /// Titles, a rule, the rows; lines end without spaces, the last one without a line end.
  public var description: String {
    let titles = columns.map { printable($0.title) }
    let widths = columns.indices.map { column in
      rows.reduce(columnCount(titles[column])) { max($0, columnCount($1[column])) }
    }
    func line(_ cells: [String]) -> String {
      let places = columns.indices.map { column in
        padded(
          cells[column], toColumns: widths[column], isRight: columns[column].alignment == .right)
      }
      let text = places.joined(separator: "  ")
      return String(text.reversed().drop { $0 == " " }.reversed())
    }
    let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
    return ([line(titles), rule] + rows.map(line)).joined(separator: "\n")
  }
}

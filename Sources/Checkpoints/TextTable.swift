import Texts

/// Columns of text, each as wide as its widest cell, two spaces apart. Cells are made printable.
struct TextTable {
  /// Whether a column's cells stand at its right edge, as numbers do.
  let isNumeric: [Bool]
  private(set) var rows: [[String]]

  init(_ header: [(title: String, isNumeric: Bool)]) {
    isNumeric = header.map(\.isNumeric)
    rows = [header.map { printable($0.title) }]
  }

  mutating func append(_ row: [String]) {
    precondition(row.count == isNumeric.count, "\(row.count) cells, \(isNumeric.count) columns")
    rows.append(row.map(printable))
  }

  /// The rows as lines, without spaces at their ends.
  var lines: [String] {
    let widths = isNumeric.indices.map { column in rows.map { columnCount($0[column]) }.max()! }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        line +=
          (column > 0 ? "  " : "")
          + padded(cell, toColumns: widths[column], isRight: isNumeric[column])
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}

/// Six significant digits at most: `0.563`, `1.25e-07`, `nan`.
func shortText(_ value: Double) -> String {
  guard value.isFinite, value != 0 else { return value == 0 ? "0" : value.description }
  let size = abs(value)
  if value == value.rounded(), size < 1e6 { return String(Int(value)) }
  if size >= 1e6 || size < 1e-4 {
    var (mantissa, exponent) = (size, 0)
    while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
    while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
    return (value < 0 ? "-" : "") + trimmed(fixed(mantissa, decimals: 3)) + "e\(exponent)"
  }
  var (decimals, bound) = (5, 10.0)
  while size >= bound { (decimals, bound) = (decimals - 1, bound * 10) }
  return trimmed(fixed(value, decimals: Swift.max(decimals, 0)))
}

private func trimmed(_ text: String) -> String {
  guard text.contains(".") else { return text }
  var text = text
  while text.last == "0" { text.removeLast() }
  if text.last == "." { text.removeLast() }
  return text
}

/// A span of time in its largest unit: `42 s`, `5 min`, `3 h`, `12 d`.
func ageText(seconds: Double) -> String {
  // A file's time may be any number of seconds.
  let seconds = Int(Swift.min(Swift.max(seconds, 0), 1e15))
  if seconds < 120 { return "\(seconds) s" }
  if seconds < 2 * 3600 { return "\(seconds / 60) min" }
  if seconds < 2 * 86400 { return "\(seconds / 3600) h" }
  return "\(seconds / 86400) d"
}

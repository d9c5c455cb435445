import Checkpoints
import Reporting

let mebibyte = Double(1 << 20)

/// A number with few digits: the rest is noise.
func decimals(_ value: Double, _ count: Int) -> JSONValue {
  .number(Double(fixed(value, count)) ?? value)
}

/// The same of a number that may not be known.
func decimals(_ value: Double?, _ count: Int) -> JSONValue {
  value.map { decimals($0, count) } ?? .null
}

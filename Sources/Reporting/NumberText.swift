/// `value` with `decimals` digits after the point; `nan`, `inf` and `-inf` as such.
public func fixed(_ value: Double, _ decimals: Int) -> String {
  precondition((0...9).contains(decimals), "decimals \(decimals)")
  guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
  var unit = 1.0
  for _ in 0..<decimals { unit *= 10 }
  let scaled = (value.magnitude * unit).rounded()
  // Above 2⁵³ a Double has no digits after the point to show.
  guard scaled < 0x1p53 else { return value.description }
  let digits = String(Int(scaled))
  let padded = String(repeating: "0", count: max(decimals + 1 - digits.count, 0)) + digits
  let sign = value < 0 && scaled > 0 ? "-" : ""
  let whole = sign + padded.dropLast(decimals)
  return decimals == 0 ? whole : whole + "." + padded.suffix(decimals)
}

/// `value` rounded to at most six significant digits, in the fewest characters that Swift's shortest
/// form gives: what a column of a CSV needs.
public func brief(_ value: Double) -> String {
  guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
  guard value != 0 else { return "0" }
  var exponent = 0
  var magnitude = value.magnitude
  while magnitude >= 10 { (magnitude, exponent) = (magnitude / 10, exponent + 1) }
  while magnitude < 1 { (magnitude, exponent) = (magnitude * 10, exponent - 1) }
  // The rounding goes through decimal digits, so that the shortest form of the result is short.
  let digits = Int((magnitude * 100_000).rounded())
  let rounded = Double("\(digits)e\(exponent - 5)")!
  if let whole = Int(exactly: rounded), whole < 1_000_000_000 {
    return (value < 0 ? "-" : "") + String(whole)
  }
  return (value < 0 ? "-" : "") + rounded.description
}

/// Seconds as people say them: `42s`, `3m10s`, `1h02m`, `2d03h`.
public func duration(seconds: Double) -> String {
  guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "?" }
  let total = Int(seconds.rounded())
  func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
  switch total {
  case ..<60: return "\(total)s"
  case ..<3600: return "\(total / 60)m\(two(total % 60))s"
  case ..<86_400: return "\(total / 3600)h\(two(total / 60 % 60))m"
  default: return "\(total / 86_400)d\(two(total / 3600 % 24))h"
  }
}

/// `text` as it stands in XML, in an element or between quotation marks: printable, so that it holds
/// none of the characters that XML 1.0 forbids, and with `&`, `<`, `>` and `"` as entities.
public func xmlText(_ text: String) -> String {
  var result = String.UnicodeScalarView()
  // By scalars: to a `Character`, an ampersand under an accent is no ampersand.
  for scalar in printable(text).unicodeScalars {
    switch scalar {
    case "&": result.append(contentsOf: "&amp;".unicodeScalars)
    case "<": result.append(contentsOf: "&lt;".unicodeScalars)
    case ">": result.append(contentsOf: "&gt;".unicodeScalars)
    case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
    default: result.append(scalar)
    }
  }
  return String(result)
}

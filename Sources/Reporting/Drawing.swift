/// The colour of a chart's series, in the order in which they are named.
func color(_ index: Int) -> String {
  let colors = ["#2f6fb2", "#d0703c", "#5c9a50", "#8a5fa8", "#b5453f", "#4a9aa5"]
  return colors[index % colors.count]
}

/// A coordinate: two decimals are finer than a screen.
func number(_ x: Double) -> String { ((x * 100).rounded() / 100).description }

/// Text as it stands in XML.
func escaped(_ text: String) -> String {
  var result = ""
  for character in text {
    switch character {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    default: result.append(character)
    }
  }
  return result
}

import Graphs
import Tensors

/// What an exported file says about itself, so that it can be used without the run that made it.
///
/// - `classes`: JSON list of the class names; `names`: the same as `{0: "car", …}`, the form that
///   common detection tools read.
/// - `input_size`, `imgsz`: `[height, width]`; `stride`: of the coarsest level; `preprocessing`: text.
/// - `task`, `producer`, `quantization`.
///
/// - Parameters:
///   - layout: of the input, behind the preprocessing.
///   - extra: more entries, or other values for these: where the model comes from.
/// - Returns: entries in the order of their keys.
func modelMetadata(_ graph: Graph, layout: String, extra: [String: String]) -> [(
  key: String, value: String
)] {
  var entries: [String: String] = ["producer": "edgewise"]
  if let input = graph.inputs.first {
    let shape = graph.values[input].shape
    if shape.rank == 3 {
      let size = "[\(shape[0]), \(shape[1])]"
      entries["input_size"] = size
      entries["imgsz"] = size
      entries["preprocessing"] =
        "RGB, scaled to fit \(shape[0]) rows and \(shape[1]) columns and padded (letterbox), "
        + "divided by 255, \(layout)"
    }
  }
  entries["task"] = graph.head == nil ? "classify" : "detect"
  if let head = graph.head {
    let names = head.classNames.map(jsonString)
    entries["classes"] = "[" + names.joined(separator: ", ") + "]"
    entries["names"] =
      "{" + names.enumerated().map { "\($0): \($1)" }.joined(separator: ", ") + "}"
    entries["stride"] = String(head.levels.map(\.stride).max() ?? 1)
  }
  let bits = graph.nodes.compactMap(\.weightBits)
  if graph.sites.isEmpty && bits.isEmpty {
    entries["quantization"] = "none"
  } else {
    func span(_ bits: [Int]) -> String {
      guard let low = bits.min(), let high = bits.max() else { return "float" }
      return low == high ? "int\(low)" : "int\(low) to int\(high)"
    }
    entries["quantization"] =
      "weights \(span(bits)) per output channel, activations \(span(graph.sites.map(\.bits))) "
      + "per tensor"
  }
  entries.merge(extra) { _, given in given }
  return entries.sorted { $0.key < $1.key }
}

/// `text` as a JSON string, quotes included.
func jsonString(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\t": result += "\\t"
    case _ where scalar.value < 0x20:
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}

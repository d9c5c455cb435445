import Graphs
import Tensors

/// What the name of every entry begins with in a file that holds entries of others too. Bare names
/// such as `names`, `stride` or `task` are other tools' promise of an output layout that is not ours.
let metadataPrefix = "edgewise."

/// In what form a detector's outputs leave.
enum HeadForm {
  /// Boxes in pixels and scores.
  case decoded
  /// The network's own: logits of distances and classes.
  case raw
}

/// What an exported file says about itself, so that it can be used without the run that made it.
///
/// One value a key; numbers, lists and truth values as JSON. docs/exporting.md has the table.
///
/// - Parameters:
///   - layout: of the input, behind the preprocessing.
///   - form: of a detector's outputs.
///   - extra: more entries, or other values for these: where the model comes from.
/// - Returns: entries in the order of their keys, without `metadataPrefix`.
func modelMetadata(
  _ graph: Graph, layout: String, form: HeadForm, extra: [String: String]
) -> [(key: String, value: String)] {
  var entries = ["producer": "edgewise", "metadata_version": "1"]
  if let input = graph.inputs.first, graph.values[input].shape.rank == 3 {
    let shape = graph.values[input].shape
    entries.merge([
      "input_size": "[\(shape[0]), \(shape[1])]", "input_layout": layout,
      "input_type": "float32", "input_range": "[0, 1]", "input_divisor": "255",
      "input_mean": "[0, 0, 0]", "input_std": "[1, 1, 1]", "color_order": "RGB",
      "letterbox": "true", "letterbox_value": "114", "letterbox_position": "center",
      "letterbox_odd_pixel": "right, bottom", "letterbox_rounding": "nearest",
      "letterbox_scales_up": "true", "interpolation": "bilinear", "antialias": "true",
    ]) { _, new in new }
  }
  entries["task"] = graph.head == nil ? "classify" : "detect"
  if let head = graph.head {
    entries["classes"] = jsonList(head.classNames.map(jsonString))
    entries["strides"] = jsonList(head.levels.map { String($0.stride) })
    entries["nms_applied"] = "false"
    switch form {
    case .decoded:
      entries["box_format"] = "xyxy"
      entries["box_unit"] = "input pixels"
      entries["sigmoid_applied"] = "true"
    case .raw:
      entries["box_format"] = "ltrb distribution"
      entries["box_unit"] = "cells"
      entries["box_bins"] = String(head.bins)
      entries["sigmoid_applied"] = "false"
    }
  }
  let bits = graph.nodes.compactMap(\.weightBits)
  if graph.sites.isEmpty && bits.isEmpty {
    entries["quantization"] = "none"
  } else {
    entries["quantization"] = "int8"
    entries["weight_bits"] = jsonList(Set(bits).sorted().map { String($0) })
    entries["weight_granularity"] = "output channel"
    entries["activation_bits"] = jsonList(Set(graph.sites.map(\.bits)).sorted().map { String($0) })
    entries["activation_granularity"] = "tensor"
  }
  entries.merge(extra) { _, given in given }
  return entries.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }
}

private func jsonList(_ items: [String]) -> String { "[" + items.joined(separator: ", ") + "]" }

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

public import Graphs
public import Quantization

/// What users of an int8 ONNX file should know about runtimes other than the target's.
///
/// - Parameter graph: with its sites.
/// - Returns: sentences; none for most files.
public func exportNotes(_ graph: Graph, target: Target) -> [String] {
  // int8 values: every flavour but that of uint8.
  guard target != .onnxruntime else { return [] }
  let sites = gridSites(graph)
  let joins = graph.nodes.contains { $0.operation == .concat && sites[$0.output] != nil }
  guard joins else { return [] }
  return [
    "not for OpenVINO: 2026.4 miscomputes int8 values that are joined (Concat) before a convolution; "
      + "export with --target onnxruntime for it, whose values are uint8"
  ]
}

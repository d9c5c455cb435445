import Graphs

/// `boxes.stride8`, `classes.stride8`, … for the outputs a head reads; else the values' own names.
func rawOutputNames(_ graph: Graph) -> [String] {
  graph.outputs.enumerated().map { index, output in
    for level in graph.head?.levels ?? [] {
      if level.boxes == output { return "boxes.stride\(level.stride)" }
      if level.classes == output { return "classes.stride\(level.stride)" }
    }
    return "output.\(index)"
  }
}

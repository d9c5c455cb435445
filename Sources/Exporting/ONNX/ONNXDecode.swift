import Graphs
import Tensors

extension ONNXLowering {
  /// Appends the detector's decode in float: `boxes` `[N, A, 4]`, corners in input pixels, and
  /// `scores` `[N, A, classes]`, 0 ... 1. They share no scale.
  ///
  /// Anchors run level by level, row by row. A side's distance is the expectation of its softmax over
  /// the bins, in cells; `corner = (cell centre ± distance)·stride`.
  ///
  /// *Source:* Li et al., "Generalized Focal Loss", NeurIPS 2020, eq. 4 and 5 (the expectation).
  mutating func lowerDecode(_ head: DetectorHead) -> (anchors: Int, boxes: String, scores: String) {
    let bins = head.bins
    var boxParts: [String] = []
    var classParts: [String] = []
    // Rows left, top, right, bottom, each over all anchors.
    var centers: [[Float]] = [[], [], [], []]
    var factors: [[Float]] = [[], [], [], []]
    for level in head.levels {
      let shape = graph.values[level.boxes].shape
      let (height, width) = (shape[0], shape[1])
      let name = "decode.stride\(level.stride)"
      boxParts.append(
        flattened(level.boxes, [0, 4, bins, height * width], name: "\(name).boxes"))
      classParts.append(
        flattened(
          level.classes, [0, head.classNames.count, height * width], name: "\(name).classes"))
      let stride = Float(level.stride)
      for row in 0..<height {
        for column in 0..<width {
          let center = [(Float(column) + 0.5) * stride, (Float(row) + 0.5) * stride]
          for side in 0..<4 {
            centers[side].append(center[side % 2])
            factors[side].append(side < 2 ? -stride : stride)
          }
        }
      }
    }
    let anchors = centers[0].count

    let logits = writer.node("Concat", boxParts, name: "decode.logits", [.integer("axis", 3)])
    let shares = writer.node("Softmax", [logits], name: "decode.shares", [.integer("axis", 2)])
    let cells = writer.constant(
      (0..<bins).map(Float.init), shape: [1, 1, bins, 1], name: "decode.cells")
    let weighted = writer.node("Mul", [shares, cells], name: "decode.weighted")
    let axes = writer.constant([2], name: "decode.axes")
    let distances = writer.node(
      "ReduceSum", [weighted, axes], name: "decode.distances", [.integer("keepdims", 0)])
    let factor = writer.constant(
      factors.flatMap { $0 }, shape: [1, 4, anchors], name: "decode.factors")
    let offsets = writer.node("Mul", [distances, factor], name: "decode.offsets")
    let center = writer.constant(
      centers.flatMap { $0 }, shape: [1, 4, anchors], name: "decode.centers")
    let corners = writer.node("Add", [offsets, center], name: "decode.corners")
    let boxes = writer.node(
      "Transpose", [corners], name: "boxes", output: "boxes", [.integers("perm", [0, 2, 1])])

    let classLogits = writer.node(
      "Concat", classParts, name: "decode.classes", [.integer("axis", 2)])
    let chances = writer.node("Sigmoid", [classLogits], name: "decode.chances")
    let scores = writer.node(
      "Transpose", [chances], name: "scores", output: "scores", [.integers("perm", [0, 2, 1])])
    return (anchors, boxes, scores)
  }

  private mutating func flattened(_ value: Int, _ shape: [Int], name: String) -> String {
    let input = read(value, by: name)
    // A 0 keeps the extent of the input: the number of pictures.
    let target = writer.constant(shape, name: "\(name).shape")
    return writer.node("Reshape", [input, target], name: name)
  }
}

import Graphs
import Quantization
import Tensors

/// Every number is finite, and every variance has a root.
func checkFinite(_ graph: Graph, _ weights: NamedWeights) throws(ExportError) {
  for parameter in graph.parameters {
    let isUsable = weights[parameter.name]!.withElements(as: Float.self) { values in
      values.allSatisfy {
        $0.isFinite && (parameter.role != .runningVariance || $0 >= 0)
      }
    }
    if !isUsable { throw .notFinite(graph: graph.name, parameter: parameter.name) }
  }
}

/// Every learned scale of weights is positive; folded ones may be 0 where a batch norm's are.
func checkScales(_ graph: Graph, _ weights: NamedWeights) throws(ExportError) {
  for parameter in graph.parameters where parameter.role == .weightScale {
    let isUsable = weights[parameter.name]!.withElements(as: Float.self) { scales in
      scales.allSatisfy { $0 >= .leastNormalMagnitude }
    }
    if !isUsable { throw .notFinite(graph: graph.name, parameter: parameter.name) }
  }
}

/// One grid per site, each of them one that int8 can hold.
func checkGrids(_ graph: Graph, _ grids: [Grid]) throws(ExportError) {
  if grids.count < graph.sites.count {
    throw .missingGrid(
      graph: graph.name, site: graph.sites[grids.count].name, siteCount: graph.sites.count,
      gridCount: grids.count)
  }
  if grids.count > graph.sites.count {
    throw .surplusGrids(
      graph: graph.name, siteCount: graph.sites.count, gridCount: grids.count)
  }
  for (site, grid) in zip(graph.sites, grids) {
    func fail(_ reason: String) -> ExportError {
      .unusableGrid(graph: graph.name, site: site.name, reason: reason)
    }
    guard grid.scale.isFinite, grid.scale >= .leastNormalMagnitude else {
      throw fail("has the scale \(grid.scale); expected a positive number, so calibrate it again")
    }
    // What a range of nothing but 0 gives (`Grid(covering:_:bits:symmetric:)`).
    guard grid.scale > .leastNormalMagnitude else {
      throw fail(
        "covers nothing but 0: what it saw was constant; calibrate it with pictures that differ")
    }
    let int8: ClosedRange<Int32> = -128...127
    guard grid.minimum < grid.maximum, int8.contains(grid.minimum), int8.contains(grid.maximum)
    else {
      throw fail("has the integers \(grid.minimum) ... \(grid.maximum); expected them in int8")
    }
    guard (grid.minimum...grid.maximum).contains(grid.zeroPoint) else {
      throw fail("has the zero point \(grid.zeroPoint) outside its integers; 0 would not be exact")
    }
    guard !site.symmetric || grid.zeroPoint == 0 else {
      throw fail("has the zero point \(grid.zeroPoint); a symmetric site needs 0")
    }
  }
}

/// The levels of the head cover the input: `H·stride` and `W·stride` are the picture's.
func checkHead(_ graph: Graph) throws(ExportError) {
  guard let head = graph.head else { return }
  func fail(_ reason: String) -> ExportError {
    .unreadableHead(graph: graph.name, reason: reason)
  }
  guard graph.inputs.count == 1, graph.values[graph.inputs[0]].shape.rank == 3,
    !head.levels.isEmpty
  else { throw fail("a detector needs one picture as its input and a head with levels") }
  let picture = graph.values[graph.inputs[0]].shape
  for level in head.levels {
    for value in [level.boxes, level.classes] {
      let shape = graph.values[value].shape
      guard shape[0] * level.stride == picture[0], shape[1] * level.stride == picture[1] else {
        throw fail(
          "the head of stride \(level.stride) is \(shape) for a picture \(picture); expected"
            + " [\(picture[0] / level.stride), \(picture[1] / level.stride), C]")
      }
    }
  }
}

import Graphs
import Quantization
import Tensors

extension PlanCompiler {
  func convolutionStep(
    _ index: Int, _ places: MemoryRequests.Places, _ units: inout [Int: IntegerUnit],
    _ device: ComputeDevice
  ) throws(EngineError) -> ConvolutionStep {
    let piece = pieces[index]
    let node = graph.nodes[piece.node]
    let g = geometry(piece)
    let isInteger = isInteger(piece)
    let input = piece.inputs[0]
    let x = layout.rows(input, places)
    let y = layout.rows(piece.output, places)
    let stored = store.address(of: node.parameters[0], in: graph)
    let bias = node.parameters.count > 1 ? node.parameters[1] : nil
    var owned: [AlignedBuffer] = []
    func floats(_ count: Int) -> UnsafeMutablePointer<Float> {
      let buffer = AlignedBuffer(byteCount: count * 4)
      owned.append(buffer)
      return buffer.base.assumingMemoryBound(to: Float.self)
    }

    var weight: ConvolutionStep.QuantizedWeight?
    var integer: ConvolutionStep.IntegerOutput?
    if let bits = node.weightBits {
      let count = graph.parameters[node.parameters[0]].shape.elementCount
      var w = ConvolutionStep.QuantizedWeight(
        source: stored, O: g.O, count: count / g.O, limit: Float((1 << (bits - 1)) - 1))
      w.learned = node.weightScale.map {
        .init(
          values: store.address(of: $0, in: graph), dScales: gradientAddress($0),
          dWeight: gradientAddress(node.parameters[0]),
          factor: scaleGradientFactor(count: w.count, levels: Int(w.limit)))
      }
      if trains || !isInteger { w.real = floats(count) }
      if isInteger {
        let bytes = AlignedBuffer(byteCount: count)
        owned.append(bytes)
        w.integers = bytes.base.assumingMemoryBound(to: Int8.self)
        w.scales = floats(g.O)
        integer = .init(
          zeroPoint: UnsafeMutableRawPointer(floats(1)).assumingMemoryBound(to: Int32.self),
          inputScale: floats(1), weightScales: w.scales!, unit: floats(g.O),
          bias: bias.map { UnsafePointer(store.address(of: $0, in: graph)) },
          finishes: !leavesUnit[piece.output], y: y.floats, rows: g.N * g.P * g.Q, O: g.O)
        if leavesUnit[piece.output] {
          units[piece.output] = IntegerUnit(
            unit: integer!.unit, weightScales: integer!.weightScales,
            inputScale: integer!.inputScale, bias: integer!.bias, weights: w.integers!,
            weightsPerChannel: w.count)
        }
      }
      weight = w
    }

    let (source, forwardCopy) = source(forwardSource[index], of: input, places)
    let (backward, backwardCopy) = backwardMemory(index, bias: bias, places)
    let kernel = try Convolution(
      g,
      .init(
        x: source, y: y, weight: weight?.real ?? stored,
        integerWeight: weight?.integers, zeroPoint: integer?.zeroPoint,
        bias: bias.map { store.address(of: $0, in: graph) }, backward: backward),
      on: device, name: node.name)
    var stepGradient: (UnsafeMutablePointer<Float>, Int)?
    if let backward, isSteps(backward.x.format, of: input) {
      stepGradient = (
        backward.dWeight, graph.parameters[node.parameters[0]].shape.elementCount
      )
    }
    return ConvolutionStep(
      name: node.name, kernel: kernel, weight: weight, integer: integer, site: layout.site[input],
      forwardCopy: forwardCopy, backwardCopy: backwardCopy,
      gradient: piece.backward?.sum == nil
        ? nil : gradientSum(piece.backward!, rowCount: layout.rowCount(piece.output), places),
      stepGradient: stepGradient, memory: owned)
  }

  func geometry(_ piece: PlanPiece) -> Convolution.Geometry {
    let (H, W, C) = extents(piece.inputs[0])
    let (P, Q, O) = extents(piece.output)
    switch graph.nodes[piece.node].operation {
    case .convolution(_, let kernel, let stride, let padding, let groups, _):
      return .init(
        N: N, H: H, W: W, C: C, P: P, Q: Q, O: O, kernel: kernel, stride: stride,
        padding: padding, groups: groups)
    default:
      return .init(
        N: N, H: 1, W: 1, C: C, P: 1, Q: 1, O: O, kernel: 1, stride: 1, padding: 0, groups: 1)
    }
  }

  /// The backward pass's operands, and how its source comes about where it is not there already.
  private func backwardMemory(
    _ index: Int, bias: Int?, _ places: MemoryRequests.Places
  ) -> (Convolution.Memory.Backward?, Move?) {
    let piece = pieces[index]
    guard let work = piece.backward,
      let dWeight = gradientAddress(graph.nodes[piece.node].parameters[0])
    else { return (nil, nil) }
    let (x, copy) = source(backwardSource[index], of: piece.inputs[0], places)
    return (
      .init(
        dy: rows(work.sum ?? work.parts[0], places), x: x,
        dx: work.dx.map { rows($0, places) }, dWeight: dWeight,
        dBias: bias.flatMap { gradientAddress($0) }), copy
    )
  }
}

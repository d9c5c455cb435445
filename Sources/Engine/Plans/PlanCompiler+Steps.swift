import Graphs
import Tensors

/// Steps from pieces, once every buffer has its place.
extension PlanCompiler {
  func step(
    for index: Int, _ places: MemoryRequests.Places, _ units: inout [Int: IntegerUnit],
    on device: ComputeDevice
  ) throws(EngineError) -> any PlanStep {
    let piece = pieces[index]
    let node = graph.nodes[piece.node]
    if let chain = piece.chain {
      return pointwiseStep(index, chain, places, units)
    }
    let (x, y) = (layout.rows(piece.inputs[0], places), layout.rows(piece.output, places))
    let rowCount = layout.rowCount(piece.output)
    switch node.operation {
    case .convolution, .linear:
      return try convolutionStep(index, places, &units, device)
    case .concat, .slice:
      return moveStep(piece, places)
    case .upsample(let factor):
      let (H, W, C) = extents(piece.inputs[0])
      let copy = sourceCopy(index, at: 0, places)
      return UpsampleStep(
        name: node.name, kernel: Upsample(N: N, H: H, W: W, C: C, factor: factor), copy: copy,
        x: copy?.to ?? x, y: y, gradient: denseGradient(piece, rowCount: rowCount, places))
    case .maxPool(let kernel, let stride, let padding):
      guard kernel <= MaxPool.kernelLimit else {
        throw EngineError(
          "graph \(graph.name), node \(node.name): the engine pools over windows of at most \(MaxPool.kernelLimit) pixels a side, not \(kernel)"
        )
      }
      let (H, W, C) = extents(piece.inputs[0])
      let (P, Q, _) = extents(piece.output)
      let copy = sourceCopy(index, at: chosenByteCount(piece), places)
      return MaxPoolStep(
        name: node.name,
        kernel: MaxPool(
          N: N, H: H, W: W, C: C, P: P, Q: Q, kernel: kernel, stride: stride, padding: padding),
        copy: copy, x: copy?.to ?? x, y: y,
        chosen: places.address(forwardScratch[index]!).assumingMemoryBound(to: UInt8.self),
        gradient: denseGradient(piece, rowCount: rowCount, places))
    case .globalAveragePool:
      let (H, W, C) = extents(piece.inputs[0])
      let copy = sourceCopy(index, at: 0, places)
      return GlobalAveragePoolStep(
        name: node.name, kernel: GlobalAveragePool(N: N, I: H * W, C: C), copy: copy,
        x: (copy?.to ?? x).floats, y: y.floats,
        gradient: denseGradient(piece, rowCount: rowCount, places))
    case .batchNorm, .activation, .sigmoid, .fakeQuantize, .add, .multiply:
      preconditionFailure("a pointwise operation outside a pass")
    }
  }

  func extents(_ value: Int) -> (H: Int, W: Int, C: Int) {
    let shape = graph.values[value].shape
    return shape.rank == 3 ? (shape[0], shape[1], shape[2]) : (1, 1, shape[0])
  }

  /// The rows of a planned part.
  func rows(_ part: PlannedPart, _ places: MemoryRequests.Places) -> Rows {
    Rows(
      base: places.address(part.request) + part.bufferChannel * part.format.byteCount,
      rowStride: part.rowStride, channels: part.channels, format: part.format)
  }

  func gradientSum(
    _ work: PieceBackward, rowCount: Int, _ places: MemoryRequests.Places
  ) -> GradientSum {
    GradientSum(
      work.parts.map { Contribution(rows: rows($0, places), channel: $0.channel) },
      sum: work.sum.map { rows($0, places) }, rowCount: rowCount)
  }

  private func denseGradient(
    _ piece: PlanPiece, rowCount: Int, _ places: MemoryRequests.Places
  ) -> DenseGradient? {
    guard let work = piece.backward, let dx = work.dx else { return nil }
    return DenseGradient(
      sum: work.sum == nil ? nil : gradientSum(work, rowCount: rowCount, places),
      dy: rows(work.sum ?? work.parts[0], places), dx: rows(dx, places).floats)
  }

  /// The input without gaps and in the format its reader wants, where it is not so already.
  func sourceCopy(_ index: Int, at offset: Int, _ places: MemoryRequests.Places) -> Move? {
    let piece = pieces[index]
    guard copiesSource(piece), let request = forwardScratch[index] else { return nil }
    return move(
      piece.inputs[0], to: places.address(request) + offset, sourceFormat(piece), places)
  }

  private func moveStep(_ piece: PlanPiece, _ places: MemoryRequests.Places) -> MoveStep {
    let whole = layout.rows(piece.output, places)
    var moves: [Move] = []
    var channel = 0
    for input in piece.inputs {
      var from = layout.rows(input, places)
      var to = whole
      if case .slice(let first, let count) = graph.nodes[piece.node].operation {
        from.base += first * from.format.byteCount
        from.channels = count
      } else {
        to.base += channel * to.format.byteCount
        to.channels = from.channels
      }
      channel += from.channels
      if from.base == to.base && from.rowStride == to.rowStride && from.format == to.format {
        continue
      }
      moves.append(
        Move(
          from: from, to: to, rowCount: layout.rowCount(piece.output), site: layout.site[input]))
    }
    let needsSum = piece.backward?.sum != nil
    return MoveStep(
      name: graph.nodes[piece.node].name, moves: moves,
      gradient: needsSum
        ? gradientSum(piece.backward!, rowCount: layout.rowCount(piece.output), places) : nil)
  }

  func gradientAddress(_ parameter: Int) -> UnsafeMutablePointer<Float>? {
    gradients.map { $0 + store.layout.offsets[parameter] }
  }

  private func pointwiseStep(
    _ index: Int, _ chain: PointwiseChain, _ places: MemoryRequests.Places,
    _ units: [Int: IntegerUnit]
  ) -> PointwiseStep {
    let piece = pieces[index]
    let input = piece.inputs[0]
    let rowCount = layout.rowCount(piece.output)
    func operand(_ value: Int) -> PointwiseStep.Operand {
      .init(rows: layout.rows(value, places), site: layout.site[value], unit: units[value])
    }
    var work: PointwiseStep.Backward?
    if let backward = piece.backward {
      work = .init(
        gradient: gradientSum(backward, rowCount: rowCount, places),
        dz: rows(backward.dz!, places), dx: backward.dx.map { rows($0, places) },
        dResidual: backward.dResidual.map { rows($0, places) })
    }
    return PointwiseStep(
      name: graph.nodes[piece.node].name,
      kernel: Pointwise(
        rows: rowCount, C: layout.channels(piece.output), function: chain.function,
        multiplies: chain.multiplies),
      norm: chain.norm.map { norm(graph.nodes[$0]) },
      sites: .init(
        gateInput: chain.gateInputSite, gate: chain.gateSite, inner: chain.innerSite,
        outer: chain.outerSite), x: operand(input),
      statisticsCopy: sourceCopy(index, at: 0, places),
      residual: chain.residual.map(operand), out: layout.rows(piece.output, places), work: work,
      readsPictures: isPictureSite(piece),
      arithmetic: options.arithmetic)
  }

  private func norm(_ node: Node) -> PointwiseStep.Norm {
    guard case .batchNorm(let epsilon, _) = node.operation else {
      preconditionFailure("\(node.name) is no batch norm")
    }
    let p = node.parameters
    return .init(
      epsilon: epsilon, scale: store.address(of: p[0], in: graph),
      shift: store.address(of: p[1], in: graph),
      runningMean: store.address(of: p[2], in: graph),
      runningVariance: store.address(of: p[3], in: graph), dScale: gradientAddress(p[0]),
      dShift: gradientAddress(p[1]),
      shardMean: shardStatistics.map { $0 + store.layout.offsets[p[2]] },
      shardVariance: shardStatistics.map { $0 + store.layout.offsets[p[3]] })
  }

  // MARK: - Pictures of 8 bits

  /// Whether a piece only puts the graph's pictures on their grid, as bytes.
  private func isPictureSite(_ piece: PlanPiece) -> Bool {
    guard let chain = piece.chain, piece.inputs == graph.inputs else { return false }
    return layout.format[piece.output] == .gridByte && layout.isDense(piece.output)
      && chain.norm == nil && chain.function == .identity && chain.residual == nil
  }

  func pictureBytes(_ places: MemoryRequests.Places)
    -> (address: UnsafeMutablePointer<UInt8>, site: Int)?
  {
    // Where anything else reads the pictures, they are wanted as real numbers.
    let readers = pieces.filter { $0.inputs.contains(graph.inputs[0]) }
    guard graph.inputs.count == 1, readers.count == 1, isPictureSite(readers[0]) else {
      return nil
    }
    let rows = layout.rows(readers[0].output, places)
    return (rows.base.assumingMemoryBound(to: UInt8.self), readers[0].chain!.innerSite!)
  }
}

import Graphs
import Tensors

/// The memory of the backward pass.
///
/// Every reader of a value writes its part of the gradient into memory of its own; who made the value
/// adds the parts up where it reads them. So nothing is cleared and nothing is added to in place.
extension PlanCompiler {
  mutating func findGradients() {
    for piece in pieces {
      var nodes = [piece.node]
      if let norm = piece.chain?.norm { nodes.append(norm) }
      let learns = nodes.contains { node in
        graph.nodes[node].parameters.contains { graph.parameters[$0].role.isTrainable }
      }
      needsGradient[piece.output] = learns || operands(piece).contains { needsGradient[$0] }
    }
    // A value that no output depends on has no gradient, and its readers pass none on.
    var reachesOutput = [Bool](repeating: false, count: graph.values.count)
    for output in graph.outputs { reachesOutput[output] = true }
    for piece in pieces.reversed() where reachesOutput[piece.output] {
      for input in operands(piece) { reachesOutput[input] = true }
    }
    for value in graph.values.indices where !reachesOutput[value] { needsGradient[value] = false }
    // A part of a whole has a gradient only where the whole has one, and the other way round.
    for piece in pieces where piece.isView && needsGradient[piece.output] {
      needsGradient[layout.view[piece.output].root] = true
    }
  }

  private func operands(_ piece: PlanPiece) -> [Int] {
    piece.inputs + (piece.chain?.residual.map { [$0] } ?? [])
  }

  mutating func requestBackward() {
    for output in graph.outputs where needsGradient[output] {
      let C = layout.channels(output)
      let request = memory.request(byteCount: layout.rowCount(output) * C * 4)
      memory.touch(request, at: lossTime)
      lossGradient[output] = request
      parts[output].append(whole(request, .float32, C))
    }
    for value in options.kept where needsGradient[value] && lossGradient[value] == nil {
      let part = newWhole(value, .float32, lossTime)
      lossGradient[value] = part.request
      contribute(part, to: value)
    }
    for index in pieces.indices.reversed() {
      let piece = pieces[index]
      guard needsGradient[piece.output], !piece.isView else { continue }
      let time = backwardTime(index)
      for part in parts[piece.output] { memory.touch(part.request, at: time) }
      var work = PieceBackward(parts: parts[piece.output])
      if piece.chain != nil {
        requestPointwise(piece, &work, time)
      } else {
        requestOther(index, &work, time)
      }
      pieces[index].backward = work
    }
  }

  private func whole(_ request: Int, _ format: ElementFormat, _ C: Int) -> PlannedPart {
    PlannedPart(
      request: request, format: format, rowStride: C, bufferChannel: 0, channel: 0, channels: C)
  }

  /// A new array for all channels of a value.
  private mutating func newWhole(_ value: Int, _ format: ElementFormat, _ time: Int) -> PlannedPart
  {
    let C = layout.channels(value)
    let request = memory.request(byteCount: layout.rowCount(value) * C * format.byteCount)
    memory.touch(request, at: time)
    return whole(request, format, C)
  }

  /// Hands a part of the gradient of `value` to whoever made it.
  private mutating func contribute(_ part: PlannedPart, to value: Int) {
    var part = part
    let view = layout.view[value]
    part.channel += view.channel
    parts[view.root].append(part)
  }

  private mutating func requestPointwise(
    _ piece: PlanPiece, _ work: inout PieceBackward, _ time: Int
  ) {
    let (C, x) = (layout.channels(piece.output), piece.inputs[0])
    let first = work.parts.first
    let isInPlace = first.map { $0.coversAll(of: C) } ?? false
    let dz = isInPlace ? first! : newWhole(piece.output, realFormat, time)
    work.dz = dz
    memory.touch(layout.request(x), at: time)
    if let chain = piece.chain, let residual = chain.residual {
      if chain.outerSite != nil || chain.multiplies {
        memory.touch(layout.request(residual), at: time)
      }
      if needsGradient[residual] {
        work.dResidual = newWhole(residual, realFormat, time)
        contribute(work.dResidual!, to: residual)
      }
    }
    guard needsGradient[x] else { return }
    // In memory that is this value's alone the result may take its place.
    let fits = dz.isWhole(of: C) && realFormat.byteCount <= dz.format.byteCount
    let dx = fits ? whole(dz.request, realFormat, C) : newWhole(x, realFormat, time)
    work.dx = dx
    contribute(dx, to: x)
  }

  private mutating func requestOther(_ index: Int, _ work: inout PieceBackward, _ time: Int) {
    let piece = pieces[index]
    let (C, x) = (layout.channels(piece.output), piece.inputs[0])
    let only = work.parts.count == 1 ? work.parts[0] : nil
    switch graph.nodes[piece.node].operation {
    case .convolution, .linear:
      if let only, only.isWhole(of: C), only.format == realFormat {
        work.sum = nil
      } else {
        work.sum = newWhole(piece.output, realFormat, time)
      }
      backwardSource[index] = backwardSource(of: piece, at: time)
      if needsGradient[x] {
        work.dx = newWhole(x, realFormat, time)
        contribute(work.dx!, to: x)
      }
    case .concat:
      var all = only
      if all == nil || !all!.coversAll(of: C) {
        work.sum = newWhole(piece.output, .float32, time)
        all = work.sum
      }
      contributeChannels(of: all!, piece)
    case .slice(let from, _):
      for part in work.parts where needsGradient[x] {
        var part = part
        part.channel += from
        contribute(part, to: x)
      }
    case .upsample, .maxPool, .globalAveragePool:
      guard needsGradient[x] else { return }
      if only == nil || !only!.coversAll(of: C) || only!.format != .float32 {
        work.sum = newWhole(piece.output, .float32, time)
      }
      work.dx = newWhole(x, .float32, time)
      contribute(work.dx!, to: x)
    case .batchNorm, .activation, .sigmoid, .fakeQuantize, .add, .multiply:
      preconditionFailure("a pointwise operation outside a pass")
    }
  }

  /// A concat's gradient is its inputs' gradients side by side; neighbours of one whole go as one part.
  private mutating func contributeChannels(of all: PlannedPart, _ piece: PlanPiece) {
    var channel = 0
    var last: (root: Int, part: PlannedPart)?
    for input in piece.inputs {
      let count = layout.channels(input)
      if needsGradient[input] || needsGradient[layout.view[input].root] {
        let view = layout.view[input]
        var part = all
        part.bufferChannel += channel
        part.channel = view.channel
        part.channels = count
        if let (root, before) = last, root == view.root,
          before.channel + before.channels == part.channel,
          before.bufferChannel + before.channels == part.bufferChannel
        {
          part = before
          part.channels += count
          parts[root].removeLast()
        }
        parts[view.root].append(part)
        last = (view.root, part)
      } else {
        last = nil
      }
      channel += count
    }
  }
}

import Graphs
import Tensors

/// What a convolution reads instead of its input.
struct SourceCopy {
  struct Key: Hashable {
    var value: Int
    var format: ElementFormat
  }

  var request: Int
  var format: ElementFormat
  /// Whether a step before has made it.
  var isMade: Bool
}

/// Copies of what convolutions cannot read where it lies.
extension PlanCompiler {
  mutating func forwardSource(of piece: PlanPiece, at time: Int) -> SourceCopy? {
    let format = sourceFormat(piece)
    let isOwn = geometry(piece).isOwn(forward: format, to: layout.format[piece.output])
    return source(of: piece, in: format, readsGaps: isOwn, at: time)
  }

  mutating func backwardSource(of piece: PlanPiece, at time: Int) -> SourceCopy? {
    let hasBias = graph.nodes[piece.node].parameters.count > 1
    let isOwn = geometry(piece).isOwn(weightGradient: realFormat, hasBias: hasBias)
    return source(of: piece, in: realFormat, readsGaps: isOwn, at: time)
  }

  /// A copy of a convolution's input without gaps and in `format`, read at `time`; `nil` where the input is
  /// so already, or has gaps that do not matter.
  private mutating func source(
    of piece: PlanPiece, in format: ElementFormat, readsGaps: Bool, at time: Int
  ) -> SourceCopy? {
    let input = piece.inputs[0]
    if layout.format[layout.view[input].root] == format, readsGaps || layout.isDense(input) {
      memory.touch(layout.request(input), at: time)
      return nil
    }
    let key = SourceCopy.Key(value: input, format: format)
    if let request = copies[key] {
      memory.touch(request, at: time)
      return SourceCopy(request: request, format: format, isMade: true)
    }
    memory.touch(layout.request(input), at: time)
    let count = layout.rowCount(input) * layout.channels(input)
    let request = memory.request(byteCount: count * format.byteCount)
    memory.touch(request, at: time)
    copies[key] = request
    return SourceCopy(request: request, format: format, isMade: false)
  }

  /// What a pass over `input` reads, and how it comes about where it is not there already.
  func source(_ copy: SourceCopy?, of input: Int, _ places: MemoryRequests.Places) -> (
    Rows, Move?
  ) {
    guard let copy else { return (layout.rows(input, places), nil) }
    var move = move(input, to: places.address(copy.request), copy.format, places)
    move.asSteps = isSteps(copy.format, of: input)
    return (move.to, copy.isMade ? nil : move)
  }

  /// A copy of `input` without gaps.
  func move(
    _ input: Int, to base: UnsafeMutableRawPointer, _ format: ElementFormat,
    _ places: MemoryRequests.Places
  ) -> Move {
    let x = layout.rows(input, places)
    return Move(
      from: x,
      to: Rows(base: base, rowStride: x.channels, channels: x.channels, format: format),
      rowCount: layout.rowCount(input), site: layout.site[input])
  }

  /// Bytes of a grid are steps in bf16, which holds those exactly.
  func isSteps(_ format: ElementFormat, of input: Int) -> Bool {
    format == .bfloat16 && layout.format[layout.view[input].root] == .gridByte
  }
}

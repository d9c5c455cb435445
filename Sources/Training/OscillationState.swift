import Checkpoints
import Engine
import Graphs
import Quantization
import Tensors

/// What QAT remembers of every quantized weight to find those that oscillate, and what it does to them
/// after each optimizer step.
///
/// *Source:* Nagel et al., "Overcoming Oscillations in Quantization-Aware Training", ICML 2022: dampening
/// is section 4.2, freezing algorithm 1.
final class OscillationState {
  /// One weight of the graph.
  private struct Entry {
    var name: String
    var shape: Shape
    /// In the store's vector, and in the memories below.
    var source, own: Int
    var O, count: Int
    var limit: Float
    /// Of learned scales in the store's vector.
    var scale: Int?
  }

  private let entries: [Entry]
  private let count: Int
  private let frequencyMemory, meanMemory, integerMemory, directionMemory: AlignedBuffer
  private let scales: AlignedBuffer

  /// The direction of a frozen weight; others have that of their last jump, or 0.
  static let frozen: Int8 = 2

  init(_ graph: Graph, layout: ParameterLayout) {
    var entries: [Entry] = []
    var total = 0
    for node in graph.nodes {
      guard let bits = node.weightBits else { continue }
      let weight = graph.parameters[node.parameters[0]]
      let O = weight.shape[0]
      entries.append(
        Entry(
          name: weight.name, shape: weight.shape, source: layout.offsets[node.parameters[0]],
          own: total, O: O, count: weight.shape.elementCount / max(O, 1),
          limit: Float((1 << (bits - 1)) - 1), scale: node.weightScale.map { layout.offsets[$0] }))
      total += weight.shape.elementCount
    }
    self.entries = entries
    count = total
    frequencyMemory = AlignedBuffer(byteCount: max(total, 1) * 4)
    meanMemory = AlignedBuffer(byteCount: max(total, 1) * 4)
    integerMemory = AlignedBuffer(byteCount: max(total, 1))
    directionMemory = AlignedBuffer(byteCount: max(total, 1))
    scales = AlignedBuffer(byteCount: max(entries.map(\.O).max() ?? 1, 1) * 4)
  }

  private var frequencies: UnsafeMutablePointer<Float> {
    frequencyMemory.base.assumingMemoryBound(to: Float.self)
  }
  private var means: UnsafeMutablePointer<Float> {
    meanMemory.base.assumingMemoryBound(to: Float.self)
  }
  private var integers: UnsafeMutablePointer<Int8> {
    integerMemory.base.assumingMemoryBound(to: Int8.self)
  }
  private var directions: UnsafeMutablePointer<Int8> {
    directionMemory.base.assumingMemoryBound(to: Int8.self)
  }

  /// Begins with the integers that the weights have now; nothing has jumped yet.
  func start(_ parameters: UnsafeMutablePointer<Float>) {
    for entry in entries {
      let scales = scales(of: entry, parameters)
      for i in 0..<entry.O * entry.count {
        let q = Self.round(
          parameters[entry.source + i] / scales[i / entry.count], limit: entry.limit)
        let at = entry.own + i
        (integers[at], means[at], frequencies[at], directions[at]) = (Int8(q), q, 0, 0)
      }
    }
  }

  /// Takes in where the weights are after a step, and moves those that are frozen or drawn.
  ///
  /// With `q` a weight's integer now: where it differs from the one before in the other direction than
  /// the last jump, that is an oscillation; `f ← f + m·(oscillates - f)`, `mean ← mean + m·(q - mean)`. At
  /// `f > freezeAbove` the weight becomes `s·round(mean)` for good. Others are drawn by
  /// `w ← w + pull·(s·q - w)` unless they lie outside the grid.
  ///
  /// - Parameter pull: the learning rate times the strength of dampening, at most 1.
  func step(_ parameters: UnsafeMutablePointer<Float>, pull: Float, recipe: Recipe.Oscillation) {
    let (momentum, threshold) = (Float(recipe.momentum), Float(recipe.freezeAbove))
    let pull = min(pull, 1)
    for entry in entries {
      let scales = scales(of: entry, parameters)
      let weight = parameters + entry.source
      for o in 0..<entry.O {
        let s = scales[o]
        for i in o * entry.count..<(o + 1) * entry.count {
          let at = entry.own + i
          if directions[at] == Self.frozen {
            weight[i] = Float(integers[at]) * s
            continue
          }
          let r = weight[i] / s
          let q = Self.round(r, limit: entry.limit)
          let change = q - Float(integers[at])
          var oscillates: Float = 0
          if change != 0 {
            let direction: Int8 = change > 0 ? 1 : -1
            oscillates = directions[at] == -direction ? 1 : 0
            directions[at] = direction
            integers[at] = Int8(q)
          }
          frequencies[at] += momentum * (oscillates - frequencies[at])
          means[at] += momentum * (q - means[at])
          if threshold > 0, frequencies[at] > threshold {
            let mean = Self.round(means[at], limit: entry.limit)
            integers[at] = Int8(mean)
            directions[at] = Self.frozen
            weight[i] = mean * s
          } else if abs(r) <= entry.limit {
            weight[i] += pull * (q * s - weight[i])
          }
        }
      }
    }
  }

  /// The part of all weights that is frozen.
  var frozenShare: Double {
    var frozen = 0
    for i in 0..<count where directions[i] == Self.frozen { frozen += 1 }
    return Double(frozen) / Double(max(count, 1))
  }

  private func scales(of entry: Entry, _ parameters: UnsafeMutablePointer<Float>)
    -> UnsafePointer<Float>
  {
    let room = scales.base.assumingMemoryBound(to: Float.self)
    if let scale = entry.scale {
      for o in 0..<entry.O {
        let s = parameters[scale + o]
        room[o] = s >= .leastNormalMagnitude && s.isFinite ? s : 1
      }
    } else {
      quantizeWeight(
        parameters + entry.source, O: entry.O, count: entry.count, limit: entry.limit, real: nil,
        integers: nil, scales: room)
    }
    return UnsafePointer(room)
  }

  /// To the nearest whole number, ties to even, within the grid; 0 for NaN.
  @inline(__always)
  private static func round(_ x: Float, limit: Float) -> Float {
    let clamped = x < -limit ? -limit : x > limit ? limit : x
    // Adding 1.5·2²³ leaves the nearest integer in the low bits of the sum.
    let q = (clamped + 12_582_912) - 12_582_912
    return q == q ? q : 0
  }

  // MARK: - In checkpoints

  private struct Part {
    var suffix: String
    var dtype: DType
    var base: UnsafeMutableRawPointer
  }

  private func parts(_ entry: Entry) -> [Part] {
    [
      Part(
        suffix: "frequency", dtype: .float32, base: UnsafeMutableRawPointer(frequencies + entry.own)
      ),
      Part(suffix: "mean", dtype: .float32, base: UnsafeMutableRawPointer(means + entry.own)),
      Part(suffix: "integer", dtype: .int8, base: UnsafeMutableRawPointer(integers + entry.own)),
      Part(
        suffix: "direction", dtype: .int8, base: UnsafeMutableRawPointer(directions + entry.own)),
    ]
  }

  /// `WEIGHT.frequency`, `.mean`, `.integer` and `.direction` of every weight.
  func sources() -> [SnapshotSource] {
    entries.flatMap { entry in
      parts(entry).map { part in
        SnapshotSource(
          name: "\(entry.name).\(part.suffix)", role: .oscillation, shape: entry.shape,
          dtype: part.dtype,
          bytes: UnsafeRawBufferPointer(
            start: part.base, count: entry.O * entry.count * part.dtype.byteCount))
      }
    }
  }

  /// - Parameter tensor: gives the tensor of a name, or `nil`.
  /// - Throws: what is missing or does not fit.
  func restore(path: String, _ tensor: (String) -> Tensor?) throws(TrainingError) {
    for entry in entries {
      for part in parts(entry) {
        let name = "\(entry.name).\(part.suffix)"
        guard let found = tensor(name), found.shape == entry.shape, found.dtype == part.dtype else {
          throw .unusableCheckpoint(
            path: path,
            reason: "it has no \(TensorRole.oscillation) tensor \(name) of \(entry.shape)")
        }
        found.withBytes {
          part.base.copyMemory(from: $0.baseAddress!, byteCount: $0.count)
        }
      }
    }
  }
}

/// A layer with weights, as budgets count it.
public struct SensitivityLayer: Hashable, Sendable, Codable {
  public var name: String
  public var weightCount: Int
  /// Multiply-accumulates of one picture.
  public var multiplyCount: Int
}

/// How long each layer takes, and how that falls with the bits of its weights: `time(8)·bits/8`.
///
/// So it is where a device multiplies twice as many numbers of half the bits; one that does not has no
/// use for a mix. The times are input, not measured here: the same numbers give the same proposal.
public struct LayerTimes: Hashable, Sendable {
  public enum Unit: String, Hashable, Sendable, Codable {
    /// Multiply-accumulates times bits of the weight: a model of the time.
    case multipliesTimesBits = "multiply-accumulates x bits"
    case seconds
  }

  public var unit: Unit
  /// Of what has no weights, and stays as it is.
  public var rest: Double
  /// By layer, with weights of 8 bits.
  private var atEight: [String: Double]

  /// The model: `multiplies·bits`.
  public init(modelling layers: [SensitivityLayer]) {
    unit = .multipliesTimesBits
    rest = 0
    atEight = Dictionary(
      uniqueKeysWithValues: layers.map { ($0.name, 8 * Double($0.multiplyCount)) })
  }

  /// Times that were measured with weights of 8 bits.
  ///
  /// - Parameter seconds: of every operation of a pass, in its order; those that are no layers with weights
  ///   count as the rest.
  /// - Returns: `nil` with the first layer's name in `missing` where a layer is not among them.
  public init?(
    seconds: [(name: String, seconds: Double)], of layers: [SensitivityLayer],
    missing: inout String?
  ) {
    unit = .seconds
    let names = Set(layers.map(\.name))
    rest = 0
    atEight = [:]
    for row in seconds {
      if names.contains(row.name) {
        atEight[row.name, default: 0] += row.seconds
      } else {
        rest += row.seconds
      }
    }
    missing = layers.first { atEight[$0.name] == nil }?.name
    if missing != nil { return nil }
  }

  func time(_ layer: String, bits: Int) -> Double { atEight[layer]! * Double(bits) / 8 }

  /// Of everything, the layers at so many bits.
  func total(_ layers: [SensitivityLayer], bits: Int) -> Double {
    layers.reduce(rest) { $0 + time($1.name, bits: bits) }
  }
}

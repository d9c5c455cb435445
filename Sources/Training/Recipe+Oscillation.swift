extension Recipe {
  /// `oscillation`: in QAT, weights that jump to and fro between two integers.
  public struct Oscillation: Codable, Sendable, Hashable {
    /// How strongly weights are drawn to the middle of their rounding interval at the end of QAT, as a
    /// factor of the learning rate; it rises from 0 along half a cosine. 0 is off.
    public var dampening = 0.0
    /// A weight whose jumps back happen more often than this, per step, is frozen at the integer where
    /// it mostly was. 0 is off.
    public var freezeAbove = 0.0
    /// Share of the newest step in that frequency and in the mean integer.
    public var momentum = 0.01

    public var isOn: Bool { dampening > 0 || freezeAbove > 0 }

    static let fields: [RecipeField] = [
      .number("oscillation.dampening", \.oscillation.dampening, 0...1e6),
      .number("oscillation.freezeAbove", \.oscillation.freezeAbove, 0...1),
      .number("oscillation.momentum", \.oscillation.momentum, 1e-6...1),
    ]
  }
}

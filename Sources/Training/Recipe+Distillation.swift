extension Recipe {
  /// `distillation`: in QAT, what the network loses against its teacher, the network in float.
  public struct Distillation: Codable, Sendable, Hashable {
    /// Weight of the class logits; 0 leaves them out.
    public var classification = 0.0
    /// Weight of the box sides' distributions; 0 leaves them out.
    public var distribution = 0.0
    /// What logits of both are divided by.
    public var temperature = 1.0
    /// Weight of the values named in `features`.
    public var feature = 1.0
    /// Names of layers or activations whose values are to be near the teacher's.
    public var features: [String] = []
    /// A checkpoint whose weights teach; empty for those that the run had at calibration.
    public var teacher = ""

    /// Whether anything is asked of a teacher.
    public var isOn: Bool {
      classification > 0 || distribution > 0 || (feature > 0 && !features.isEmpty)
    }

    static let fields: [RecipeField] = [
      .number("distillation.classification", \.distillation.classification, 0...1e6),
      .number("distillation.distribution", \.distillation.distribution, 0...1e6),
      .number("distillation.temperature", \.distillation.temperature, 0.01...1000),
      .number("distillation.feature", \.distillation.feature, 0...1e6),
      .texts(
        "distillation.features", \.distillation.features,
        expected: "a list of names of layers or activations, none of them empty"
      ) { !$0.isEmpty },
      .text("distillation.teacher", \.distillation.teacher),
    ]
  }
}

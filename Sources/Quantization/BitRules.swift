/// How many bits weights and activations have, node by node.
public struct BitRules: Hashable, Sendable {
  /// Of every convolution and linear layer, unless another rule says otherwise.
  public var weightBits: Int
  /// Of every site, unless another rule says otherwise.
  public var activationBits: Int
  /// Of the layers that read the network's inputs and of those that make its outputs without a batch
  /// norm or activation behind them (a detector's last 1×1 convolutions), and of the sites before and
  /// behind them.
  public var firstLastBits: Int
  /// In order; a later one counts more.
  public var overrides: [BitOverride]

  public init(
    weightBits: Int = 8, activationBits: Int = 8, firstLastBits: Int = 8,
    overrides: [BitOverride] = []
  ) {
    (self.weightBits, self.activationBits) = (weightBits, activationBits)
    (self.firstLastBits, self.overrides) = (firstLastBits, overrides)
  }
}

/// Bits for the nodes whose names fit a pattern.
public struct BitOverride: Hashable, Sendable, CustomStringConvertible {
  public var pattern: NodePattern
  public var weightBits: Int?
  public var activationBits: Int?

  /// Reads `PATTERN: w4 a8`, either width alone or both, each of 2 to 8 bits; `nil` for anything else.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let pattern = text[..<colon].trimmed
    guard !pattern.isEmpty else { return nil }
    self.pattern = NodePattern(String(pattern))
    for word in text[text.index(after: colon)...].split(separator: " ") {
      guard let bits = Int(word.dropFirst()), (2...8).contains(bits), word.count == 2 else {
        return nil
      }
      switch word.first {
      case "w" where weightBits == nil: weightBits = bits
      case "a" where activationBits == nil: activationBits = bits
      default: return nil
      }
    }
    if weightBits == nil && activationBits == nil { return nil }
  }

  public var description: String {
    let widths = [weightBits.map { "w\($0)" }, activationBits.map { "a\($0)" }]
    return "\(pattern): \(widths.compactMap { $0 }.joined(separator: " "))"
  }
}

/// A pattern that fits no name. The description completes a sentence that names the key.
public struct UnmatchedPattern: Error, Hashable, Sendable, CustomStringConvertible {
  public var override: BitOverride
  /// Names of the network that resemble it most.
  public var near: [String]

  public var description: String {
    "`\(override)` fits no layer or activation of the network; near it are \(near.joined(separator: ", "))"
  }
}

extension Substring {
  fileprivate var trimmed: Substring {
    var part = self
    while part.first == " " { part.removeFirst() }
    while part.last == " " { part.removeLast() }
    return part
  }
}

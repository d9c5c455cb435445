/// How sentences call a split and those who see it.
public struct DatasetWords: Sendable {
  /// "training"
  public var split: String
  /// "rank 1 (node2)"
  public var we: String
  /// "the others"
  public var they: String

  public init(split: String, we: String, they: String) {
    self.split = split
    self.we = we
    self.they = they
  }
}

extension DatasetSummary {
  /// What differs in classes and counts, in words; empty where only the contents may differ.
  public func clauses(against other: DatasetSummary, _ words: DatasetWords) -> [String] {
    var clauses: [String] = []
    let (we, they) = (words.we, words.they)
    if classNames.count != other.classNames.count {
      clauses.append("\(we) has \(classNames.count) classes, \(they) \(other.classNames.count)")
    } else if let i = classNames.indices.first(where: { classNames[$0] != other.classNames[$0] }) {
      clauses.append(
        "class \(i) is `\(classNames[i])` for \(we), `\(other.classNames[i])` for \(they)")
    }
    if imageCount != other.imageCount {
      clauses.append(
        "\(we) has \(imageCount) \(words.split) images, \(they) \(other.imageCount)")
    }
    if boxCount != other.boxCount {
      clauses.append(
        "\(we) has \(boxCount) boxes in its \(words.split) images, \(they) \(other.boxCount)")
    }
    return clauses
  }
}

extension DatasetFacts {
  /// The first image that differs from a checkpoint's, in words, as far as its blocks tell.
  public func firstDifference(from saved: DatasetSummary, _ words: DatasetWords) -> String? {
    let block = DatasetSummary.blockLength(imageCount: saved.imageCount)
    // Blocks of another length say nothing.
    guard block == DatasetSummary.blockLength(imageCount: samples.count) else { return nil }
    let (ours, theirs) = (Array(summary.blocks.utf8), Array(saved.blocks.utf8))
    guard
      let place = (0..<min(ours.count, theirs.count)).first(where: { ours[$0] != theirs[$0] })
    else {
      guard samples.count > saved.imageCount, saved.imageCount >= 0 else { return nil }
      return "the first new one is \(samples[saved.imageCount].name)"
    }
    let first = place / 8 * block
    guard first < samples.count else { return nil }
    let among = block == 1 ? "" : " or one of the \(block - 1) behind it"
    return
      "the first that differs is number \(first + 1), which is \(samples[first].name) here\(among)"
  }

  /// The first image that differs from `other`'s, in words; `nil` where none does.
  public func firstDifference(from other: DatasetFacts, _ words: DatasetWords) -> String? {
    let shared = min(samples.count, other.samples.count)
    let first = (0..<shared).first { samples[$0] != other.samples[$0] } ?? shared
    let number = "the first difference is \(words.split) image \(first + 1)"
    guard first < shared else {
      guard samples.count != other.samples.count else { return nil }
      let isOurs = samples.count > shared
      let name = (isOurs ? self : other).samples[first].name
      return "\(number): \(name), which \(isOurs ? words.they : words.we) does not have"
    }
    let (a, b) = (samples[first], other.samples[first])
    if a.name != b.name {
      return "\(number): \(a.name) for \(words.we), \(b.name) for \(words.they)"
    }
    if a.boxCount != b.boxCount {
      return "\(number): \(a.name) has \(a.boxCount) boxes for \(words.we), \(b.boxCount) for "
        + words.they
    }
    if a.labelHash != b.labelHash { return "\(number): \(a.name) has other labels" }
    return "\(number): \(a.name) has another size or other contents"
  }
}

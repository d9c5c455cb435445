/// What of a split decides the bits of a run: its classes, and in their order the samples.
public struct DatasetFacts: Hashable, Sendable, Codable {
  /// One image and its labels, as hashes.
  public struct Sample: Hashable, Sendable, Codable {
    /// The file's name without folders.
    public var name: String
    public var boxCount: Int
    /// Of all boxes, ignored ones too.
    public var labelHash: UInt64
    /// Of the size, and of the image's bytes where they were read.
    public var contentHash: UInt64

    public init(name: String, boxCount: Int, labelHash: UInt64, contentHash: UInt64) {
      self.name = name
      self.boxCount = boxCount
      self.labelHash = labelHash
      self.contentHash = contentHash
    }

    var hash: UInt64 {
      var hash = FNV1a()
      hash.add(name.utf8)
      hash.add(labelHash)
      hash.add(contentHash)
      return hash.value
    }
  }

  public var classNames: [String]
  public var samples: [Sample]
  /// The images that were left out because they cannot be used. They decide nothing themselves.
  public var leftOut: [SkippedItem]

  public init(classNames: [String], samples: [Sample], leftOut: [SkippedItem] = []) {
    self.classNames = classNames
    self.samples = samples
    self.leftOut = leftOut
  }

  public var boxCount: Int { samples.reduce(0) { $0 + $1.boxCount } }

  /// What tells this data from other data: `v2-` and 16 hexadecimal digits.
  ///
  /// The number says how it is computed; fingerprints of different numbers cannot be compared. Those
  /// without one, of 16 digits alone, know no image's bytes.
  public var fingerprint: String {
    var hash = FNV1a()
    for name in classNames { hash.add(name.utf8) }
    for sample in samples { hash.add(sample.hash) }
    return DatasetSummary.version + Self.digits(hash.value, 16)
  }

  static func digits(_ value: UInt64, _ count: Int) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(count - digits.count, 0)) + digits
  }

  /// The facts in a size that does not grow with the data, for a checkpoint.
  public var summary: DatasetSummary {
    let block = DatasetSummary.blockLength(imageCount: samples.count)
    let blocks = stride(from: 0, to: samples.count, by: block).map { start -> String in
      var hash = FNV1a()
      for sample in samples[start..<min(start + block, samples.count)] { hash.add(sample.hash) }
      return Self.digits(hash.value >> 32, 8)
    }
    return DatasetSummary(
      fingerprint: fingerprint, classNames: classNames, imageCount: samples.count,
      boxCount: boxCount, blocks: blocks.joined())
  }
}

/// What a checkpoint says about the data of a split.
public struct DatasetSummary: Hashable, Sendable {
  public var fingerprint: String
  public var classNames: [String]
  public var imageCount: Int
  public var boxCount: Int
  /// Eight hexadecimal digits for each run of `blockLength` images.
  public var blocks: String

  public init(
    fingerprint: String, classNames: [String], imageCount: Int, boxCount: Int, blocks: String
  ) {
    self.fingerprint = fingerprint
    self.classNames = classNames
    self.imageCount = imageCount
    self.boxCount = boxCount
    self.blocks = blocks
  }

  /// Begins every fingerprint that is computed as this program does it.
  static let version = "v2-"

  /// Whether the fingerprint is computed as this program does it.
  public var isComparable: Bool { fingerprint.hasPrefix(Self.version) }

  /// A power of two that leaves at most 4,096 blocks: 32 KiB.
  static func blockLength(imageCount: Int) -> Int {
    var length = 1
    while imageCount / length > 4096 { length *= 2 }
    return length
  }
}

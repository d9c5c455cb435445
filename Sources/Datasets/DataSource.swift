/// Where a data set lies and how it is written down.
public struct DataSource: Hashable, Sendable, Codable {
  public enum Format: String, Hashable, Sendable, Codable, CaseIterable {
    /// `data.yaml`, pictures, and a text file of `class x y width height` lines for each.
    case yolo
    /// A JSON file per split.
    case coco
    /// The Penn-Fudan pedestrians as they are distributed: `PNGImages` and `Annotation`.
    case pennFudan = "penn-fudan"
    /// Scenes drawn by `edgewise data synthesize`; on disk they are a YOLO data set.
    case synthetic
  }

  public enum Split: String, Hashable, Sendable, Codable, CaseIterable {
    case train, validation
  }

  public var format: Format
  /// The data set's folder; for `yolo` it may also be the path of its YAML file.
  public var root: String
  /// Relative to `root`. `yolo`: folder of pictures or list file, in place of what the YAML file
  /// says. `coco`: the JSON file. Not used by `pennFudan`.
  public var train: String?
  public var validation: String?
  /// `coco`: the folder of the pictures, relative to `root`; `root` itself if absent.
  public var images: String?
  /// `yolo` without a YAML file: the classes.
  public var classNames: [String]?
  /// `pennFudan`: every k-th picture in name order, from the first on, is for validation.
  public var validationEvery: Int
  /// `yolo`: images without a label file are background, however many there are.
  public var allowsUnlabelled: Bool

  public init(
    format: Format, root: String, train: String? = nil, validation: String? = nil,
    images: String? = nil, classNames: [String]? = nil, validationEvery: Int = 5,
    allowsUnlabelled: Bool = false
  ) {
    // bounded: a recipe's value is 2 … 1,000,000
    precondition(validationEvery > 1, "validationEvery \(validationEvery)")
    self.format = format
    self.root = root
    self.train = train
    self.validation = validation
    self.images = images
    self.classNames = classNames
    self.validationEvery = validationEvery
    self.allowsUnlabelled = allowsUnlabelled
  }

  /// Reads the labels and the image headers of one split.
  ///
  /// - Parameters:
  ///   - skipBad: leave out and list an image that cannot be used, instead of throwing.
  ///   - decodingAll: also decode every image, so that a cut file is found now, not in mid-epoch.
  ///     By default only when bad ones are to be skipped: later it would be too late for that.
  /// - Throws: one sentence about the first thing that is wrong.
  public func read(
    _ split: Split, skipBad: Bool = false, decodingAll: Bool? = nil
  ) throws(DataError) -> Dataset {
    let dataset = try readWhatIsUsable(split, skipBad: skipBad, decodingAll: decodingAll ?? skipBad)
    if let error = dataset.emptyError(split, source: self) { throw error }
    return dataset
  }

  /// Like `read`, but may give a data set without a sample, with all the reasons for it.
  func readWhatIsUsable(
    _ split: Split, skipBad: Bool, decodingAll: Bool
  ) throws(DataError) -> Dataset {
    guard FileSystem.exists(root) else {
      throw .missing(path: root, purpose: "the data folder")
    }
    let intake = SampleIntake(skipBad: skipBad, decodingAll: decodingAll)
    return switch format {
    case .yolo, .synthetic: try readYOLO(split, intake: intake)
    case .coco: try readCOCO(split, intake: intake)
    case .pennFudan: try readPennFudan(split, intake: intake)
    }
  }

  func entry(_ split: Split) -> String? {
    let entry = split == .train ? train : validation
    return entry == "" ? nil : entry
  }
}

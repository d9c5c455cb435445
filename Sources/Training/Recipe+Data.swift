extension Recipe {
  /// `data`: where the images and their labels come from.
  public struct Data: Codable, Sendable, Hashable {
    public enum Format: String, Codable, Sendable, Hashable, CaseIterable {
      /// Text labels beside the images, described by a `data.yaml`.
      case yolo
      /// One JSON per split.
      case coco
      /// The annotation text of the Penn-Fudan pedestrians.
      case pennFudan = "penn-fudan"
      /// Drawn scenes; needs no files.
      case synthetic
    }

    public var format = Format.synthetic
    /// Folder of the data set; a relative one counts from the folder the command is run in.
    public var root = ""
    /// yolo: image folder or list file, or empty to take what `data.yaml` says;
    /// coco: the JSON. Relative to `root`.
    public var train = ""
    /// The same for validation.
    public var validation = ""
    /// coco: folder of the images relative to `root`; empty means the folder of the JSON.
    public var imageFolder = ""
    /// coco: folder of the validation images; empty means the same as `imageFolder`.
    public var validationImageFolder = ""
    /// penn-fudan: every k-th image in name order validates, the others train.
    public var validationEvery = 5
    /// Whether images and labels that cannot be used are counted and listed instead of refused.
    public var skipBad = false
    /// yolo: whether images without a label file are background, however many there are; else a
    /// training split of which half have none is refused.
    public var allowUnlabelled = false
    public var synthetic = Synthetic()

    static let fields: [RecipeField] =
      [
        .choice("data.format", \.data.format),
        .text("data.root", \.data.root, onResume: .free),
        .text("data.train", \.data.train),
        .text("data.validation", \.data.validation),
        .text("data.imageFolder", \.data.imageFolder),
        .text("data.validationImageFolder", \.data.validationImageFolder),
        .integer("data.validationEvery", \.data.validationEvery, 2...1_000_000),
        .flag("data.skipBad", \.data.skipBad, .free),
        .flag("data.allowUnlabelled", \.data.allowUnlabelled, .free),
      ] + Synthetic.fields
  }

  /// `data.synthetic`: what is drawn when `data.format` is `synthetic`.
  public struct Synthetic: Codable, Sendable, Hashable {
    public enum Scene: String, Codable, Sendable, Hashable, CaseIterable {
      case parkingLot = "parking-lot"
      case pedestrians
    }

    public var scene = Scene.parkingLot
    /// Pictures to train on.
    public var images = 400
    public var validationImages = 100
    /// Decides the pictures; apart from `seed`, so that runs of other seeds share the data.
    public var seed: UInt64 = 1

    static let fields: [RecipeField] = [
      .choice("data.synthetic.scene", \.data.synthetic.scene),
      .integer("data.synthetic.images", \.data.synthetic.images, 1...10_000_000),
      .integer(
        "data.synthetic.validationImages", \.data.synthetic.validationImages, 1...10_000_000),
      .seed("data.synthetic.seed", \.data.synthetic.seed),
    ]
  }
}

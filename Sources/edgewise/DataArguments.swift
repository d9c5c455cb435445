public import ArgumentParser
import Datasets
import Foundation
import Parallel
import Training

/// Which data set a command looks at: that of a recipe, or one described by options.
struct DataArguments: ParsableArguments {
  @Argument(
    help:
      "A recipe whose data are meant, or the folder or data.yaml of a YOLO data set. Or give --format and --root.",
    completion: .file(extensions: ["yaml"]))
  var recipe: String?

  @Option(
    name: .customLong("set"),
    help: "Another value for a key of the recipe: key.path=value. Repeatable.")
  var overrides: [String] = []

  @Option(help: "yolo, coco, penn-fudan or synthetic.")
  var format: DataSource.Format?

  @Option(help: "The data set's folder.", completion: .directory)
  var root: String?

  @Option(
    help: "yolo: folder of training images or list file; coco: JSON file. Relative to the root.")
  var train: String?

  @Option(help: "The same for validation.")
  var validation: String?

  @Option(help: "coco: folder of the images, relative to the root.")
  var images: String?

  @Flag(help: "yolo: images without a label file are background, however many there are.")
  var allowUnlabelled = false

  @Option(help: "Only this split: train or validation.")
  var split: DataSource.Split?

  /// The argument, where it is a YOLO data set and no recipe.
  private var folder: String? {
    guard let recipe else { return nil }
    let name = recipe.split(separator: "/").last ?? ""
    let isData = ["data.yaml", "data.yml", "dataset.yaml"].contains(String(name))
    var isFolder: ObjCBool = false
    let isThere = FileManager.default.fileExists(atPath: recipe, isDirectory: &isFolder)
    return isThere && (isData || isFolder.boolValue) ? recipe : nil
  }

  func validate() throws {
    if recipe == nil || folder != nil {
      let (format, root) = (format ?? (folder == nil ? nil : .yolo), root ?? folder)
      guard format != nil, root != nil else {
        throw ValidationError("give a recipe, or --format and --root")
      }
      guard overrides.isEmpty else { throw ValidationError("--set goes with a recipe") }
    } else if format != nil || root != nil || train != nil || validation != nil || images != nil {
      throw ValidationError("give a recipe with --set, or --format and --root, not both")
    }
  }

  /// The splits to look at, each with its source.
  func splits() throws -> [(DataSource.Split, DataSource)] {
    var sources: [DataSource.Split: DataSource] = [:]
    if let recipe, folder == nil {
      let recipe = try Recipe(contentsOf: recipe, overrides: overrides)
      var source = recipe.dataSource
      if allowUnlabelled { source.allowsUnlabelled = true }
      if source.root.isEmpty {
        throw FailureReport(
          message: recipe.data.format == .synthetic
            ? "`data.root` is empty: the scenes are drawn when the run starts; draw them now with `edgewise data synthesize`, or give their folder with --set data.root=PATH"
            : "`data.root` is empty; give the data folder with --set data.root=PATH",
          exitCode: 64, rank: 0)
      }
      sources[.train] = source
      if !recipe.data.validationImageFolder.isEmpty {
        source.images = recipe.data.validationImageFolder
      }
      sources[.validation] = source
    } else if let format = format ?? (folder == nil ? nil : .yolo), let root = root ?? folder {
      let source = DataSource(
        format: format, root: root, train: train, validation: validation, images: images,
        allowsUnlabelled: allowUnlabelled)
      if format == .coco {
        // A COCO set is a file per split; what is not named is not there.
        if train != nil { sources[.train] = source }
        if validation != nil { sources[.validation] = source }
        if sources.isEmpty {
          throw FailureReport(
            message:
              "--format coco needs the JSON file of a split: --train FILE or --validation FILE",
            exitCode: 64, rank: 0)
        }
      } else {
        sources = [.train: source, .validation: source]
      }
    }
    let wanted = split.map { [$0] } ?? DataSource.Split.allCases
    let found = wanted.compactMap { split in sources[split].map { (split, $0) } }
    if found.isEmpty {
      throw FailureReport(
        message: "the \(split?.rawValue ?? "wanted") split is not described; name its JSON file",
        exitCode: 64, rank: 0)
    }
    return found
  }
}

extension DataSource.Format: ExpressibleByArgument {}
extension DataSource.Split: ExpressibleByArgument {}

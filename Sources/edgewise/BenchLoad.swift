import ArgumentParser
import Benchmarks
import Checkpoints
import Datasets
import Foundation
import MessagePassing
import Parallel
import Reporting
import Training

struct BenchLoad: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "load",
    abstract: "Times the data pipeline of a recipe: decode, fit, draw, colour.",
    discussion: """
      Examples:
        edgewise bench load recipes/demo.yaml --pictures 64
        edgewise bench load recipes/penn-fudan.yaml --set data.root=/data/penn --threads 1 --threads 2

      Training pictures per second with and without mosaic, with decoded pictures kept and not, and \
      the part of each stage in one thread's time. Scenes that the recipe draws are drawn into a \
      temporary folder first.
      """)

  @Argument(
    help: "The recipe whose data, size and augmentation are meant.",
    completion: .file(extensions: ["yaml"]))
  var recipe: String

  @Option(
    name: .customLong("set"),
    help: "Another value for a key of the recipe: key.path=value. Repeatable.")
  var overrides: [String] = []

  @Option(help: "Training pictures of the data set to use, from its first on.")
  var pictures = 64

  @Option(help: "Loading threads to try. Repeatable. Default: what the recipe says.")
  var threads: [Int] = []

  @Flag(help: "Print one JSON document.")
  var json = false

  func validate() throws {
    for (name, value) in [("pictures", pictures)] + threads.map({ ("threads", $0) })
    where value < 1 || value > 65_536 {
      throw ValidationError("--\(name) must be a whole number from 1 to 65536")
    }
  }

  func run() throws {
    try endingAlone {
      var recipe = try Recipe(contentsOf: recipe, overrides: overrides)
      let scenes = FileManager.default.temporaryDirectory
        .appendingPathComponent("edgewise-bench-load-\(UUID().uuidString)").path
      defer { try? FileManager.default.removeItem(atPath: scenes) }
      if recipe.data.format == .synthetic, recipe.data.root.isEmpty {
        recipe.data.synthetic.images = pictures
        recipe.data.synthetic.validationImages = 1
      }
      let data = try recipe.loadData(runFolder: scenes, communicator: .solo)
      let samples = Array(data.training.samples.prefix(pictures))
      let threads = threads.isEmpty ? [max(recipe.system.loaderThreads, 1)] : threads
      let result = try LoadBenchmark(
        samples: samples, size: recipe.model.inputSize, settings: recipe.augmentationSettings,
        batchSize: min(recipe.batch.shardSize, samples.count), threads: threads)
      if json {
        printJSON(document(result, recipe, samples.count))
      } else {
        show(result, recipe, samples.count)
      }
    }
  }

  private func document(_ result: LoadBenchmark, _ recipe: Recipe, _ count: Int) -> JSONValue {
    let stages = result.stages
    return [
      "bench": "load", "recipe": .string(recipe.name), "size": .integer(recipe.model.inputSize),
      "pictures": .integer(count),
      "stages_ms": [
        "decode": decimals(1000 * stages.decode, 4), "fit": decimals(1000 * stages.fit, 4),
        "draw": decimals(1000 * stages.drawSingle, 4),
        "draw_mosaic": decimals(1000 * stages.drawMosaic, 4),
        "color": decimals(1000 * stages.color, 4),
      ],
      "throughputs": .array(
        result.throughputs.map { entry in
          let parts = stages.parts(isMosaic: entry.isMosaic, isCached: entry.isCached)
          return [
            "mosaic": .bool(entry.isMosaic), "cached": .bool(entry.isCached),
            "threads": .integer(entry.threads),
            "images_per_s": decimals(entry.picturesPerSecond, 1),
            "images_per_s_per_thread": decimals(entry.perThread, 1),
            "stages": .object(
              Dictionary(uniqueKeysWithValues: parts.map { ($0.name, decimals($0.part, 4)) })),
          ]
        }),
    ]
  }

  private func show(_ result: LoadBenchmark, _ recipe: Recipe, _ count: Int) {
    print("\(recipe.name): \(count) pictures at \(recipe.model.inputSize) pixels")
    var table = TextTable([
      .left("mosaic"), .left("cached"), .right("threads"), .right("images/s"),
      .right("per thread"), .right("decode %"), .right("fit %"), .right("draw %"),
      .right("colour %"),
    ])
    for entry in result.throughputs {
      let parts = result.stages.parts(isMosaic: entry.isMosaic, isCached: entry.isCached)
      table.append(
        [
          entry.isMosaic ? "yes" : "no", entry.isCached ? "yes" : "no", "\(entry.threads)",
          fixed(entry.picturesPerSecond, 1), fixed(entry.perThread, 1),
        ] + parts.map { fixed(100 * $0.part, 1) })
    }
    print(table)
  }
}

extension Recipe {
  /// How the recipe varies training pictures.
  fileprivate var augmentationSettings: AugmentationSettings {
    AugmentationSettings(
      mosaic: Float(augmentation.mosaic), hue: Float(augmentation.hsvHue),
      saturation: Float(augmentation.hsvSaturation), value: Float(augmentation.hsvValue),
      flip: Float(augmentation.flip), scale: Float(augmentation.scale),
      translate: Float(augmentation.translate))
  }
}

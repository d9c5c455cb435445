public import ArgumentParser
import Checkpoints
import Datasets
import Foundation
import Glibc
import Images
import Reporting

struct DataSynthesize: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "synthesize",
    abstract: "Draws a data set that a detector can learn from, as a YOLO data set.",
    discussion: """
      Example: edgewise data synthesize parking-lot --images 400 --seed 1 --output data/lot

      The same settings give the same bytes. A folder that holds the same set already is kept.
      """)

  @Argument(help: "parking-lot (empty and occupied bays) or pedestrians.")
  var scene: SceneKind

  @Option(help: "Pictures to train on.")
  var images = 400

  @Option(help: "Pictures to validate on. Default: a quarter of --images.")
  var validationImages: Int?

  @Option(help: "Another seed, other pictures.")
  var seed: UInt64 = 1

  @Option(help: "Width and height in pixels, as in 640x480.")
  var size = PictureSize(value: ImageSize(width: 640, height: 480))

  @Option(help: "The folder; it must be empty or not there yet.", completion: .directory)
  var output: String

  @Option(help: "Threads that draw. Default: one per processor.")
  var threads: Int?

  @Flag(help: "Print one JSON document.")
  var json = false

  func run() throws {
    try endingAlone {
      let validation = validationImages ?? max(1, images / 4)
      let isTerminal = isatty(STDERR_FILENO) == 1
      let outcome = try SyntheticDataset.write(
        kind: scene, images: images, validationImages: validation, seed: seed, size: size.value,
        to: output, workers: threads ?? ProcessInfo.processInfo.activeProcessorCount
      ) { done, total in
        guard isTerminal else { return }
        let bar = progressBar(done: done, total: total, width: 30)
        showInPlace("\(bar) \(done)/\(total)", isLast: done == total)
      }
      if json {
        printJSON([
          "output": .string(output), "scene": .string(scene.rawValue), "images": .integer(images),
          "validation_images": .integer(validation), "seed": .integer(Int(clamping: seed)),
          "size": .string("\(size.value)"), "reused": .bool(outcome == .reused),
        ])
      } else {
        print(
          outcome == .reused
            ? "\(output): holds this data set already"
            : "\(output): \(images) pictures to train on, \(validation) to validate")
      }
    }
  }
}

extension SceneKind: ExpressibleByArgument {}

/// A width and a height, written `640x480`.
struct PictureSize: ExpressibleByArgument {
  var value: ImageSize

  init(value: ImageSize) { self.value = value }

  init?(argument: String) {
    let parts = argument.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let width = parts[0], let height = parts[1], width > 0, height > 0
    else { return nil }
    value = ImageSize(width: width, height: height)
  }

  var defaultValueDescription: String { "\(value)" }
}

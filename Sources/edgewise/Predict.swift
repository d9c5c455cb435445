import ArgumentParser
import Checkpoints
import Datasets
import Detection
import Engine
import Foundation
import Images
import MessagePassing
import Parallel
import Training

struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Finds objects in images and draws them.",
    discussion: """
      Examples:
        edgewise predict runs/demo runs/demo/data/images/val --output predictions --count 9
        edgewise predict runs/demo/checkpoints/step-00001200 a.jpg b.png --output out --score 0.4 --json

      Each image is written to the output folder with its boxes; overview.jpg shows the first nine. A \
      place gives one box, of its best class; `evaluate` scores a box of each class, as COCO does.
      """)

  @Argument(
    help:
      "A checkpoint's folder, a run's folder for its newest whole checkpoint, or RUN@best for its best scored one (quantized, where there is one).",
    completion: .directory)
  var checkpoint: String

  @Argument(
    help: "JPEG or PNG files, or folders of them (taken in the order of their names).",
    completion: .file())
  var pictures: [String]

  @Option(help: "The folder for the drawn pictures; made if it is not there.")
  var output: String

  @Option(help: "The most pictures to take.")
  var count: Int?

  @Option(help: "The least score of a box that is drawn, 0 to 1.")
  var score: Float = 0.25

  @Option(
    name: .customLong("as"),
    help:
      "What to compute with: float, fake-quantized or int8. Default: int8 where the checkpoint has ranges, else float."
  )
  var arithmetic: Arithmetic?

  @Flag(help: "Print one JSON document with every box.")
  var json = false

  func validate() throws {
    if let count, count < 1 { throw ValidationError("--count must be at least 1") }
    guard (0...1).contains(score) else { throw ValidationError("--score must be from 0 to 1") }
  }

  func run() throws {
    let communicator = try startedCommunicator()
    try ending(communicator) {
      let reader = try openCheckpoint(checkpoint, communicator: communicator)
      let arithmetic: Arithmetic
      let (model, plan, files) = try communicator.together(exitCode: Training.exitCode) {
        let model = try DeployedModel(checkpoint: reader)
        setComputeThreadCount(model.recipe.system.threads)
        let files = try pictureFiles(pictures, count: count, output: output)
        let plan = try model.plan(self.arithmetic ?? model.usualArithmetic, batchSize: 1)
        return (model, plan, files)
      }
      arithmetic = self.arithmetic ?? model.usualArithmetic
      let cache = PictureCache(
        samples: files.enumerated().map { index, file in
          Sample(imagePath: file.source, boxes: [], identifier: Int64(index))
        }, size: model.recipe.model.inputSize, byteBudget: 0)
      let found = try detect(
        plan, cache,
        filter: DetectionFilter(
          scoreThreshold: score,
          overlapThreshold: Float(model.recipe.evaluation.iouThreshold)),
        communicator: communicator, loaderThreads: model.recipe.system.loaderThreads)
      try communicator.together(exitCode: Training.exitCode) {
        guard communicator.rank == 0 else { return }
        try draw(files, found, classNames: model.classNames)
        report(files, found, model, arithmetic)
      }
    }
  }

  /// Draws every picture, and the overview of the first nine.
  private func draw(_ files: [PictureFile], _ found: [[DetectedBox]], classNames: [String]) throws {
    try makeFolder(output)
    var overview: [Image] = []
    for (file, objects) in zip(files, found) {
      var picture = try ImageFile.decode(file.source)
      picture.draw(objects, classNames: classNames)
      try picture.write(to: file.target)
      if overview.count < 9 { overview.append(picture) }
    }
    try contactSheet(overview).write(to: "\(output)/overview.jpg")
  }

  private func report(
    _ files: [PictureFile], _ found: [[DetectedBox]], _ model: DeployedModel,
    _ arithmetic: Arithmetic
  ) {
    let names = model.classNames
    guard json else {
      for (file, objects) in zip(files, found) {
        let counts = names.indices.compactMap { index in
          let count = objects.count { Int($0.classIndex) == index }
          return count > 0 ? "\(count) \(names[index])" : nil
        }
        print("\(file.target): \(counts.isEmpty ? "nothing" : counts.joined(separator: ", "))")
      }
      print("\(output)/overview.jpg: the first \(min(files.count, 9))")
      return
    }
    let pictures = zip(files, found).map { file, objects -> JSONValue in
      [
        "path": .string(file.source), "output": .string(file.target),
        "detections": .array(
          objects.map { object in
            [
              "class": .integer(Int(object.classIndex)),
              "name": .string(names[Int(object.classIndex)]),
              "score": .number(Double(object.score)),
              "box": .array((0..<4).map { .number(Double(object.corners[$0])) }),
            ]
          }),
      ]
    }
    printJSON([
      "checkpoint": .string(model.path), "step": .integer(model.step),
      "as": .string(arithmetic.rawValue), "multi_label": false,
      "score_threshold": .number(Double(score)),
      "iou_threshold": .number(model.recipe.evaluation.iouThreshold),
      "overview": .string("\(output)/overview.jpg"),
      "pictures": .array(pictures),
    ])
  }
}

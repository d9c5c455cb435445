import Foundation

/// A run small enough for every test run: eight drawn pictures of 64 pixels, one float epoch, one of
/// QAT. Made once, by the first test that needs it.
enum TinyRun {
  static let recipe = """
    name: tiny
    model: { inputSize: 64 }
    data: { synthetic: { images: 8, validationImages: 4 } }
    batch: { size: 4, shards: 2 }
    augmentation: { mosaic: 0 }
    schedule: { floatEpochs: 1, qatEpochs: 1, calibrationImages: 8 }
    """

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  private static let made = Result { () throws -> String in
    let folder = try Program.temporaryFolder()
    try recipe.write(toFile: "\(folder)/tiny.yaml", atomically: true, encoding: .utf8)
    let outcome = try Program.run(
      "train", "\(folder)/tiny.yaml", "--run", "\(folder)/run", "--quiet")
    guard outcome.code == 0 else {
      throw Failure(description: "train ended with \(outcome.code): \(outcome.errors)")
    }
    return folder
  }

  /// The run's folder, with `checkpoints`, `calibrated` and `data`.
  static func folder() throws -> String { try made.get() + "/run" }

  /// The folders of its checkpoints, oldest first.
  static func checkpoints() throws -> [String] {
    let folder = try folder() + "/checkpoints"
    return try FileManager.default.contentsOfDirectory(atPath: folder)
      .filter { $0.hasPrefix("step-") }.sorted().map { "\(folder)/\($0)" }
  }
}

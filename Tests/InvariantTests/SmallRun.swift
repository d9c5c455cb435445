import Foundation

/// A run small enough for a test: YOLOv8n at 64 pixels on a few drawn scenes, through float,
/// calibration and QAT with observers and batch norm frozen on the way.
struct SmallRun {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory
      .appending(path: "edgewise-run-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data(Self.recipe(data: folder.appending(path: "data").path).utf8).write(
      to: folder.appending(path: "recipe.yaml"))
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  func run(_ name: String) -> URL { folder.appending(path: name) }

  func arguments(_ name: String, _ more: [String] = []) -> [String] {
    ["train", folder.appending(path: "recipe.yaml").path, "--run", run(name).path] + more
  }

  /// The names of the run's checkpoints, oldest first.
  func checkpoints(_ name: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(
      atPath: run(name).appending(path: "checkpoints").path
    ).filter { $0.hasPrefix("step-") }.sorted()
  }

  /// All tensors of a checkpoint as the bytes of its shard files; equal tensors give equal bytes.
  func tensors(_ name: String, _ checkpoint: String) throws -> Data {
    let folder = run(name).appending(path: "checkpoints/\(checkpoint)")
    let shards = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".zst") }.sorted()
    return try shards.reduce(into: Data()) {
      $0 += try Data(contentsOf: folder.appending(path: $1))
    }
  }

  /// The manifest's number at a key.
  func manifestNumber(_ name: String, _ checkpoint: String, _ key: String) throws -> Int? {
    let data = try Data(
      contentsOf: run(name).appending(path: "checkpoints/\(checkpoint)/manifest.json"))
    let object = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    return object?[key] as? Int
  }

  private static func recipe(data: String) -> String {
    """
    name: small
    seed: 3
    model: {architecture: yolov8n, activation: silu, inputSize: 64}
    data:
      format: synthetic
      root: \(data)
      synthetic: {scene: parking-lot, images: 30, validationImages: 6, seed: 2}
    batch: {size: 8, shards: 4}
    augmentation: {mosaic: 0.5, closeMosaicEpochs: 1}
    schedule:
      floatEpochs: 2
      calibrationImages: 16
      qatEpochs: 2
      freezeObserversAfter: 1
      freezeBatchNormAfter: 1
    checkpoint: {everyEpochs: 1, keepLast: 100, agreeEvery: 2}
    evaluation: {everyEpochs: 2}
    """
  }
}

import Dispatch
import Foundation
public import Images
import Synchronization

/// Why a synthetic data set was not written.
public enum SyntheticDatasetError: Error, Equatable, CustomStringConvertible {
  /// The folder holds something else; nothing in it was touched.
  case folderTaken(path: String, reason: String)
  /// A number is out of range.
  case invalidSetting(String)
  /// A file or folder could not be written.
  case unwritable(path: String, reason: String)

  public var description: String {
    switch self {
    case .folderTaken(let path, let reason):
      "\(path): \(reason); nothing was changed: choose another folder or remove this one."
    case .invalidSetting(let sentence): sentence
    case .unwritable(let path, let reason):
      "\(path): cannot be written (\(reason)); check the folder and the free space."
    }
  }
}

/// Writes drawn scenes as a YOLO data set: `images/train`, `images/val` (JPEG), `labels/train`,
/// `labels/val` (one line `class x y width height` per box, in shares of the picture), `data.yaml`,
/// and `synthetic.json` with the settings it was made with.
public enum SyntheticDataset {
  public enum Outcome: Sendable, Equatable {
    case written
    /// A complete set with the same settings was there already.
    case reused
  }

  /// The scenes for validation start at this index, so more training pictures do not change them.
  public static let firstValidationIndex = 1_000_000_000

  /// Draws the pictures and writes the set to the folder `path`.
  ///
  /// The same settings give the same bytes in every file, whatever the number of workers. The set
  /// appears in one step: it is written beside `path` in a folder `.NAME.partial-…` and renamed
  /// when complete. A folder that is not empty is reused if it is a complete set with the same
  /// settings, and refused otherwise. In a job of several processes, one of them should call this.
  ///
  /// - Parameters:
  ///   - workers: how many threads draw.
  ///   - progress: called with (done, total) after each picture, by one thread at a time.
  /// - Throws: `SyntheticDatasetError`.
  @discardableResult
  public static func write(
    kind: SceneKind, images: Int, validationImages: Int, seed: UInt64,
    size: ImageSize = ImageSize(width: 640, height: 480), to path: String, workers: Int = 1,
    progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
  ) throws(SyntheticDatasetError) -> Outcome {
    try check(images: images, validationImages: validationImages, size: size, workers: workers)
    let settings = SyntheticDatasetSettings(
      kind: kind, images: images, validationImages: validationImages, seed: seed, size: size)
    if try settings.isComplete(at: path) { return .reused }

    let target = URL(fileURLWithPath: path).standardizedFileURL
    let parent = target.deletingLastPathComponent()
    let name = target.lastPathComponent
    let partial = parent.appendingPathComponent(
      ".\(name).partial-\(ProcessInfo.processInfo.processIdentifier)")
    let files = FileManager.default
    defer { try? files.removeItem(at: partial) }
    do {
      try? files.removeItem(at: partial)
      for part in ["images/train", "images/val", "labels/train", "labels/val"] {
        try files.createDirectory(
          at: partial.appendingPathComponent(part), withIntermediateDirectories: true)
      }
    } catch {
      let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? any Error
      throw .unwritable(path: partial.path, reason: (cause ?? error).localizedDescription)
    }
    try draw(settings, into: partial.path, workers: workers, progress: progress)
    try writeFile(settings.dataYAML, to: partial.path + "/data.yaml")
    try writeFile(settings.json, to: partial.path + "/" + SyntheticDatasetSettings.fileName)
    // rename(2) replaces an empty folder and refuses any other, so nothing is ever overwritten.
    if rename(partial.path, target.path) != 0 {
      let reason = String(cString: strerror(errno))
      // Another process may have been faster with the same set.
      if try settings.isComplete(at: path) { return .reused }
      throw .unwritable(path: path, reason: reason)
    }
    return .written
  }

  private static func check(
    images: Int, validationImages: Int, size: ImageSize, workers: Int
  ) throws(SyntheticDatasetError) {
    let range = 1...firstValidationIndex
    guard range.contains(images) else {
      throw .invalidSetting("\(images) pictures: give 1 … \(range.upperBound).")
    }
    guard validationImages == 0 || range.contains(validationImages) else {
      throw .invalidSetting(
        "\(validationImages) validation pictures: give 0 … \(range.upperBound).")
    }
    let sides = SceneGenerator.sides
    guard sides.contains(size.width), sides.contains(size.height) else {
      throw .invalidSetting(
        "Pictures of \(size): each side must have \(sides.lowerBound) … \(sides.upperBound) pixels."
      )
    }
    guard workers >= 1 else { throw .invalidSetting("\(workers) workers: give at least 1.") }
  }

  private static func draw(
    _ settings: SyntheticDatasetSettings, into folder: String, workers: Int,
    progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?
  ) throws(SyntheticDatasetError) {
    struct State {
      var done = 0
      /// The failure of the first picture in order, so the message does not depend on timing.
      var failure: (picture: Int, error: SyntheticDatasetError)?
    }
    let state = Mutex(State())
    let generator = SceneGenerator(kind: settings.kind, seed: settings.seed, size: settings.size)
    let total = settings.images + settings.validationImages
    let threads = min(workers, total)
    DispatchQueue.concurrentPerform(iterations: threads) { worker in
      for picture in stride(from: worker, to: total, by: threads) {
        if state.withLock({ $0.failure != nil }) { return }
        do throws(SyntheticDatasetError) {
          let forTraining = picture < settings.images
          try write(
            generator,
            index: forTraining
              ? picture : firstValidationIndex + picture - settings.images,
            number: forTraining ? picture : picture - settings.images,
            split: forTraining ? "train" : "val", folder: folder)
          state.withLock { state in
            state.done += 1
            progress?(state.done, total)
          }
        } catch {
          state.withLock { state in
            if picture < state.failure?.picture ?? .max { state.failure = (picture, error) }
          }
          return
        }
      }
    }
    if let failure = state.withLock({ $0.failure?.error }) { throw failure }
  }

  private static func write(
    _ generator: SceneGenerator, index: Int, number: Int, split: String, folder: String
  ) throws(SyntheticDatasetError) {
    let scene = generator.scene(index: index)
    let name = pictureName(generator.kind, number)
    let bytes: [UInt8]
    let imagePath = "\(folder)/images/\(split)/\(name).jpg"
    do {
      bytes = try scene.image.encodedJPEG(quality: scene.jpegQuality)
    } catch {
      throw .unwritable(path: imagePath, reason: error.description)
    }
    try writeFile(bytes, to: imagePath)
    try writeFile(
      labelText(scene.boxes, size: generator.size), to: "\(folder)/labels/\(split)/\(name).txt")
  }

  private static func pictureName(_ kind: SceneKind, _ number: Int) -> String {
    "\(kind.rawValue)-\(padded(number, to: 6))"
  }

  /// The boxes as lines `class x y width height`: centre and size in shares of the picture, with
  /// six decimals.
  static func labelText(_ boxes: [LabeledBox], size: ImageSize) -> String {
    let (w, h) = (Double(size.width), Double(size.height))
    var text = ""
    for box in boxes {
      let (x0, y0) = (Double(box.corners[0]) / w, Double(box.corners[1]) / h)
      let (x1, y1) = (Double(box.corners[2]) / w, Double(box.corners[3]) / h)
      let values = [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0]
      text += "\(box.classIndex)"
      for value in values {
        let millionths = Int((value * 1e6).rounded())
        text += " \(millionths / 1_000_000).\(padded(millionths % 1_000_000, to: 6))"
      }
      text += "\n"
    }
    return text
  }

  private static func padded(_ number: Int, to width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  private static func writeFile(_ text: String, to path: String) throws(SyntheticDatasetError) {
    try writeFile([UInt8](text.utf8), to: path)
  }

  private static func writeFile(_ bytes: [UInt8], to path: String) throws(SyntheticDatasetError) {
    guard let file = fopen(path, "wb") else {
      throw .unwritable(path: path, reason: String(cString: strerror(errno)))
    }
    let written = fwrite(bytes, 1, bytes.count, file)
    let closed = fclose(file)
    guard written == bytes.count, closed == 0 else {
      throw .unwritable(path: path, reason: String(cString: strerror(errno)))
    }
  }
}

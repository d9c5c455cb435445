public import Images
import Synchronization

/// A picture shrunk (or grown) so that its longer side is the training size, with its boxes.
public struct FittedPicture: Sendable {
  /// The letterbox's content, without padding.
  public var image: Image
  /// In pixels of `image`.
  public var boxes: [LabeledBox]
  /// How `image` lies in the square input.
  public var letterbox: Letterbox
}

/// The memory that caches may fill, together if they share it: the first to ask gets it.
public final class PictureBudget: Sendable {
  public let byteCount: Int
  private let used = Mutex(0)

  public init(byteCount: Int) { self.byteCount = byteCount }

  /// Takes `count` bytes, unless there are fewer left.
  fileprivate func take(_ count: Int) -> Bool {
    used.withLock { used in
      guard used + count <= byteCount else { return false }
      used += count
      return true
    }
  }

  fileprivate func giveBack(_ count: Int) { used.withLock { $0 -= count } }
}

/// Decodes the pictures of a data set at training size and keeps as many as the budget allows.
///
/// A kept picture takes three bytes a pixel of the letterbox's content: 225 KiB for 4:3 at 320, so
/// 512 MiB hold 2,300 of them. As long as there is room no picture is decoded twice.
///
/// What is kept stays, since every epoch asks for all pictures in a new order: with
/// least-recently-used replacement a set that is a little too large would hardly ever be hit. What
/// comes out does not depend on what is kept.
public final class PictureCache: Sendable {
  public let samples: [Sample]
  /// The longer side, in pixels.
  public let size: Int
  private let budget: PictureBudget
  private let state = Mutex(State())

  private struct State {
    var pictures: [Int: FittedPicture] = [:]
    var byteCount = 0
  }

  public init(samples: [Sample], size: Int, budget: PictureBudget) {
    precondition(size > 0, "training size \(size)")
    self.samples = samples
    self.size = size
    self.budget = budget
  }

  /// With a budget of its own.
  public convenience init(samples: [Sample], size: Int, byteBudget: Int = 1 << 30) {
    self.init(samples: samples, size: size, budget: PictureBudget(byteCount: byteBudget))
  }

  deinit { budget.giveBack(byteCount) }

  /// The bytes of the pictures that are kept.
  public var byteCount: Int { state.withLock { $0.byteCount } }

  /// The picture of `samples[index]`. Any number of threads may ask.
  public func picture(_ index: Int) throws(DataError) -> FittedPicture {
    if let kept = state.withLock({ $0.pictures[index] }) { return kept }
    let picture = try load(samples[index])
    state.withLock { state in
      let byteCount = picture.image.pixels.count
      if state.pictures[index] == nil && budget.take(byteCount) {
        state.pictures[index] = picture
        state.byteCount += byteCount
      }
    }
    return picture
  }

  private func load(_ sample: Sample) throws(DataError) -> FittedPicture {
    let decoded: ImageFile.Decoded
    do throws(ImageError) {
      decoded = try ImageFile.decodeWithScale(sample.imagePath, atLeast: size)
    } catch {
      throw .badPicture(error)
    }
    if let size = sample.size, size != decoded.originalSize {
      throw .badAnnotations(
        path: sample.imagePath,
        reason: "the picture is now \(decoded.originalSize) but was \(size) when the data set was "
          + "read; do not change the data during a run")
    }
    let letterbox = Letterbox(fitting: decoded.originalSize, into: size)
    let scale = Double(letterbox.scale) / decoded.scale
    let image = decoded.image.resampled(scaleX: scale, scaleY: scale, to: letterbox.contentSize)
    let boxes = sample.boxes.map {
      LabeledBox(classIndex: $0.classIndex, corners: $0.corners * letterbox.scale)
    }
    return FittedPicture(image: image, boxes: boxes, letterbox: letterbox)
  }
}

/// The targets of a batch, image by image, in memory that is kept from batch to batch.
public struct BatchTargets: Sendable {
  /// Of all images, one after another.
  public private(set) var boxes: [BoxTarget] = []
  private var starts: [Int] = []

  public init() {}

  /// The same from one list an image.
  public init(_ lists: [[BoxTarget]]) {
    for list in lists {
      startImage()
      for target in list { append(target) }
    }
  }

  public var imageCount: Int { starts.count }

  /// Where the targets of `image` lie in `boxes`.
  public func range(ofImage image: Int) -> Range<Int> {
    starts[image]..<(image + 1 < starts.count ? starts[image + 1] : boxes.count)
  }

  /// Begins a new batch; memory stays.
  public mutating func removeAll() {
    boxes.removeAll(keepingCapacity: true)
    starts.removeAll(keepingCapacity: true)
  }

  /// What is appended from here on belongs to the next image.
  public mutating func startImage() { starts.append(boxes.count) }

  /// Adds a target to the image that was started last.
  public mutating func append(_ target: BoxTarget) {
    precondition(!starts.isEmpty, "a target before the first image")
    boxes.append(target)
  }
}

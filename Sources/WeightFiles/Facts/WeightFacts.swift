/// What a file says about its network beside the tensors. What it does not say is `nil`.
public struct WeightFacts: Hashable, Sendable {
  /// `yolov8`, `yolo11`, `yolov5`, …; from the classes of the layers, the metadata or the tensors' names.
  public var family: String?
  /// `n`, `s`, `m`, `l`, `x`.
  public var variant: String?
  /// `detect`, `segment`, `classify`, `pose`, `obb`.
  public var task: String?
  /// By their number; `nil` where the file names none.
  public var classNames: [String]?
  public var classCount: Int?
  /// Of the head's levels, finest first; of some files only the coarsest.
  public var strides: [Int]?
  /// Height and width of the images it was trained or exported for.
  public var imageSize: [Int]?
  /// The last epoch, from 0; -1 where the training is over.
  public var epoch: Int?
  /// Of the program that wrote the file, and when it did.
  public var version: String?
  public var date: String?
  /// The network's class: `ultralytics.nn.tasks.DetectionModel`, `models.yolo.Model`, ….
  public var networkClass: String?
  /// Who wrote the file, where it is no training program.
  public var producer: String?
  /// Whether the file holds tensors by name and no network: a `state_dict` only.
  public var isStateDictionary = false
  /// Whether these are the averaged weights (`ema`) of a training that was not over.
  public var usesAverage = false
  /// Whether every number is of an integer file made float again.
  public var isDequantized = false

  /// The name of the file that describes the network, and the letter in it.
  var configuration: String?
  var scale: String?
  /// The classes of the layers, in order.
  var layers: [String] = []
  var isEndToEnd = false

  public init() {}

  /// Out of the metadata of an export: Ultralytics' `names`, `task`, `stride`, `imgsz`, `description`, ….
  ///
  /// A value may be written as a text that has to be read once more: `"[640, 640]"`.
  init(metadata written: [String: Literal], tensors: [WeightEntry]) {
    self.init()
    let metadata = written.mapValues(\.unwrapped)
    task = written["task"]?.text
    version = written["version"]?.text
    date = written["date"]?.text
    classCount = metadata["nc"]?.integer.flatMap { $0 > 0 ? $0 : nil }
    if let stride = metadata["stride"]?.integer { strides = [stride] }
    switch metadata["imgsz"] {
    case .integer(let size): imageSize = [size, size]
    case .some(let value): imageSize = value.integers.flatMap { $0.count == 2 ? $0 : nil }
    case nil: break
    }
    if let names = metadata["names"] {
      if let members = names.members {
        setClasses(
          members.compactMap { member in
            // JSON's keys are texts.
            guard let name = member.value.text,
              let key = member.key.integer ?? member.key.text.flatMap({ Int($0) })
            else { return nil }
            return (key, name)
          })
      } else if let list = names.list {
        setClasses(list.enumerated().compactMap { index, name in name.text.map { (index, $0) } })
      }
    }
    // "Ultralytics YOLOv8n model trained on coco.yaml"
    configuration = written["description"]?.text?.split(separator: " ").lazy.map(String.init)
      .first { ForeignFamily.parts(ofName: $0) != nil }
    complete(from: tensors)
  }

  /// Takes class names where they are numbered from 0 without gaps.
  mutating func setClasses(_ numbered: [(Int, String)]) {
    let sorted = numbered.sorted { $0.0 < $1.0 }
    guard !sorted.isEmpty, sorted.map(\.0) == Array(0..<sorted.count) else { return }
    classNames = sorted.map(\.1)
    classCount = sorted.count
  }

  /// Fills in what the layers, the description's name or the tensors tell.
  mutating func complete(from tensors: [WeightEntry]) {
    let found = ForeignFamily(layers: layers, isEndToEnd: isEndToEnd) ?? ForeignFamily(tensors)
    let named = configuration.flatMap { ForeignFamily.parts(ofName: $0) }
    family = found?.family ?? named?.family
    task = task ?? found?.task ?? named?.task
    variant = scale ?? named?.variant ?? ForeignFamily.variant(family, tensors)
    classCount = classCount ?? found?.classCount
  }
}

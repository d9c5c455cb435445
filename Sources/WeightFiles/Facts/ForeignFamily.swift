/// Which family of networks a file holds, by what only that family has.
///
/// This serves a sentence (`FILE holds a yolo11 …`), nothing is built from it.
struct ForeignFamily {
  let family: String
  var task: String?
  var classCount: Int?

  /// By the classes of the layers of a pickled network; the module's path is left aside, for it moves from
  /// version to version, but tells YOLOv5's own program from Ultralytics' package.
  init?(layers: [String], isEndToEnd: Bool) {
    guard let head = layers.last?.split(separator: ".").last.map(String.init) else { return nil }
    let names = Set(layers.compactMap { $0.split(separator: ".").last.map(String.init) })
    let isOldProgram = layers.contains { $0.hasPrefix("models.") }
    switch head {
    case "Detect", "v10Detect", "WorldDetect", "YOLOEDetect", "RTDETRDecoder", "IDetect", "DDetect",
      "DualDDetect":
      task = "detect"
    case "Segment", "Segment26", "YOLOESegment": task = "segment"
    case "Pose", "Pose26": task = "pose"
    case "OBB", "OBB26": task = "obb"
    case "Classify": task = "classify"
    default: return nil
    }
    if names.contains(where: { $0.contains("Ghost") }) {
      family = isOldProgram ? "yolov5-ghost" : "yolov8-ghost"
    } else if head == "RTDETRDecoder" {
      family = "rtdetr"
    } else if head == "v10Detect" {
      family = "yolov10"
    } else if head == "WorldDetect" {
      family = "yolov8-world"
    } else if head.hasPrefix("YOLOE") {
      family = "yoloe"
    } else if names.contains("A2C2f") {
      family = "yolo12"
    } else if names.contains("C3k2") {
      family = isEndToEnd || head.hasSuffix("26") ? "yolo26" : "yolo11"
    } else if names.contains(where: { $0.hasPrefix("RepNCSPELAN") || $0 == "ELAN1" }) {
      family = "yolov9"
    } else if names.contains("C2f") {
      family = "yolov8"
    } else if names.contains("SPPCSPC") || head == "IDetect" {
      family = "yolov7"
    } else if names.contains("C3") || names.contains("BottleneckCSP") {
      family = isOldProgram ? "yolov5" : "yolov5u"
    } else if names.contains("DarknetBottleneck") || names.contains("Bottleneck") {
      family = "yolov3"
    } else {
      return nil
    }
  }

  /// By the names of the tensors.
  init?(_ tensors: [WeightEntry]) {
    var shapes: [String: [Int]] = [:]
    var last = -1
    for entry in tensors {
      guard let name = Self.withoutPrefix(entry.name) else { continue }
      shapes[name] = entry.shape
      // A number alone is a name that an exporter made.
      let parts = name.split(separator: ".")
      if parts.count > 1, let layer = Int(parts[0]) { last = max(last, layer) }
    }
    func has(_ name: String) -> Bool { shapes[name] != nil }
    func any(_ part: String) -> Bool { shapes.keys.contains { $0.contains(part) } }
    guard last >= 0 else {
      guard tensors.contains(where: { $0.name.contains("head.cls_preds.0.weight") }) else {
        return nil
      }
      family = "yolox"
      task = "detect"
      classCount = tensors.first { $0.name.hasSuffix("head.cls_preds.0.weight") }?.shape.first
      return
    }
    if any(".one2one_cv2.") {
      family =
        any(".attn.") && has("2.m.0.cv1.conv.weight") && has("10.m.0.attn.qkv.conv.weight")
        ? "yolo26" : "yolov10"
    } else if any(".attn.qkv.") {
      family = has("10.m.0.attn.qkv.conv.weight") ? "yolo11" : "yolo12"
    } else if has("\(last).m.0.weight"), !any("\(last).cv2.") {
      family = "yolov5"
    } else if has("2.m.0.cv1.conv.weight"), has("2.cv3.conv.weight") {
      family = "yolov5u"
    } else if has("2.m.0.cv1.conv.weight"), has("\(last).cv2.0.0.conv.weight") {
      family = "yolov8"
    } else if has("2.m.0.cv1.conv.weight"), any("\(last).linear.") {
      family = "yolov8"
    } else {
      return nil
    }
    classCount = shapes["\(last).cv3.0.2.weight"]?.first
    if any("\(last).linear.") {
      task = "classify"
    } else if any("\(last).proto.") {
      task = "segment"
    } else if let extra = shapes["\(last).cv4.0.2.weight"]?.first {
      task = extra == 1 ? "obb" : "pose"
    } else {
      task = "detect"
    }
  }

  /// By the width of the first convolution, which these families share.
  static func variant(_ family: String?, _ tensors: [WeightEntry]) -> String? {
    guard let family,
      let width = tensors.first(where: { withoutPrefix($0.name) == "0.conv.weight" })?.shape.first
    else { return nil }
    switch family {
    case "yolov8", "yolov5", "yolov5u":
      return [16: "n", 32: "s", 48: "m", 64: "l", 80: "x"][width]
    // m and l are of one width.
    case "yolo11", "yolo12", "yolo26": return [16: "n", 32: "s", 96: "x"][width]
    default: return nil
    }
  }

  /// `yolov8n-seg.yaml` → yolov8, n, segment; `nil` for other names.
  static func parts(
    ofName name: String
  ) -> (family: String, variant: String?, task: String?)? {
    let file = name.split(separator: "/").last.map { $0.lowercased() } ?? ""
    let stem = file.split(separator: ".").first.map(String.init) ?? ""
    let pieces = stem.split(separator: "-").map(String.init)
    guard var first = pieces.first else { return nil }
    var variant: String?
    if let letter = first.last, "nsmlx".contains(letter), first.dropLast().last?.isNumber == true {
      variant = String(first.removeLast())
    }
    let digits = first.drop { !$0.isNumber }
    guard first == "yolov" + digits || first == "yolo" + digits, !digits.isEmpty,
      digits.allSatisfy(\.isNumber)
    else { return nil }
    let tasks = [
      "seg": "segment", "pose": "pose", "obb": "obb", "cls": "classify",
    ]
    let task = pieces.dropFirst().lazy.compactMap { tasks[$0] }.first
    let others = pieces.dropFirst().filter {
      tasks[$0] == nil && ["ghost", "world", "p2", "p6"].contains($0)
    }
    return (([first] + others).joined(separator: "-"), variant, task)
  }

  /// A tensor's name from its layer's number on.
  private static func withoutPrefix(_ name: String) -> String? {
    var parts = name.split(separator: ".")[...]
    while let first = parts.first, ["model", "module", "ema"].contains(first) {
      parts.removeFirst()
    }
    return parts.isEmpty ? nil : parts.joined(separator: ".")
  }
}

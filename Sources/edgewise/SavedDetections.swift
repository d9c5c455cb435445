import Checkpoints
import Datasets
import Detection

/// The boxes that an evaluation scored, as a COCO result file.
///
/// One entry a line: `image_id`, `category_id`, `bbox` as [left, top, width, height] in pixels of the image,
/// `score`. Ids are those of the ground truth where that is a COCO file; otherwise `image_id` counts the
/// images from 0 in the order of the data set, `category_id` is the class's index, and `file_name` says
/// which image it is.
struct SavedDetections {
  let bytes: [UInt8]

  init(_ found: [[DetectedBox]], of data: Dataset) {
    var text: [UInt8] = Array("[".utf8)
    var isFirst = true
    for (sample, boxes) in zip(data.samples, found) {
      for box in boxes {
        let corners = box.corners
        let (left, top) = (Double(corners.x), Double(corners.y))
        let index = Int(box.classIndex)
        var entry: [String: JSONValue] = [
          "image_id": .integer(Int(sample.identifier)),
          "category_id": .integer(data.categoryIdentifiers.map { Int($0[index]) } ?? index),
          "bbox": .array([
            .number(left), .number(top), .number(Double(corners.z) - left),
            .number(Double(corners.w) - top),
          ]),
          "score": .number(Double(box.score)),
        ]
        if data.categoryIdentifiers == nil {
          entry["file_name"] = .string(
            sample.imagePath.split(separator: "/").last.map(String.init) ?? sample.imagePath)
        }
        text += (isFirst ? "\n" : ",\n").utf8
        text += JSONValue.object(entry).lineText.utf8
        isFirst = false
      }
    }
    text += "\n]\n".utf8
    bytes = text
  }
}

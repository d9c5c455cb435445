import Foundation

/// The parts of a COCO annotation file that a detector needs.
struct COCOFile: Decodable {
  struct Picture: Decodable {
    var id: Int64
    var file_name: String
    var width: Int?
    var height: Int?
  }

  struct Annotation: Decodable {
    var id: Int64?
    var image_id: Int64
    var category_id: Int64
    /// `x, y, width, height` in pixels.
    var bbox: [Double]?
    var iscrowd: Int?
  }

  struct Category: Decodable {
    var id: Int64
    var name: String
  }

  var images: [Picture]
  var annotations: [Annotation]
  var categories: [Category]

  /// Four times the file of COCO's 118,000 training images.
  static let maximumByteCount = 2 << 30

  static func read(_ path: String) throws(DataError) -> COCOFile {
    var bytes = try FileSystem.bytes(
      path, purpose: "the annotation file", limit: maximumByteCount)
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
    do {
      return try JSONDecoder().decode(COCOFile.self, from: Data(bytes))
    } catch DecodingError.keyNotFound(let key, let context) {
      throw .badAnnotations(
        path: path, reason: "\(place(context)) has no '\(key.stringValue)'")
    } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context)
    {
      throw .badAnnotations(
        path: path, reason: "\(place(context)) is of the wrong type (\(context.debugDescription))")
    } catch DecodingError.dataCorrupted(let context) {
      let detail = (context.underlyingError as NSError?)?.userInfo["NSDebugDescription"]
      throw .badAnnotations(
        path: path,
        reason: "\(place(context)) is not valid JSON (\(detail ?? context.debugDescription)); "
          + "JSON knows no NaN or Infinity")
    } catch {
      throw .badAnnotations(path: path, reason: "the JSON cannot be read (\(error))")
    }
  }

  /// `annotations[3].bbox`, or "the file".
  private static func place(_ context: DecodingError.Context) -> String {
    var place = ""
    for key in context.codingPath {
      if let index = key.intValue {
        place += "[\(index)]"
      } else {
        place += (place.isEmpty ? "" : ".") + key.stringValue
      }
    }
    return place.isEmpty ? "the file" : place
  }
}

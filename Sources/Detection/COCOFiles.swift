public import Foundation

/// A box as COCO writes it: [left, top, width, height] in pixels of the picture.
public struct COCOBox: Hashable, Sendable, Decodable {
  public var left: Double
  public var top: Double
  public var width: Double
  public var height: Double

  public init(left: Double, top: Double, width: Double, height: Double) {
    self.left = left
    self.top = top
    self.width = width
    self.height = height
  }

  public init(from decoder: any Decoder) throws {
    let values = try [Double](from: decoder)
    guard values.count == 4, values.allSatisfy(\.isFinite), values[2] >= 0, values[3] >= 0 else {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: decoder.codingPath,
          debugDescription:
            "is \(values), expected [left, top, width, height] with width and height ≥ 0"))
    }
    self.init(left: values[0], top: values[1], width: values[2], height: values[3])
  }

  public var area: Double { width * height }  // bounded: doubles
}

/// A COCO annotation file, as far as boxes need it.
public struct COCOGroundTruth: Sendable {
  public struct Image: Hashable, Sendable, Decodable {
    public var id: Int64
    public var fileName: String?

    enum CodingKeys: String, CodingKey {
      case id
      case fileName = "file_name"
    }
  }

  public struct Category: Hashable, Sendable, Decodable {
    public var id: Int64
    public var name: String
  }

  public struct Annotation: Hashable, Sendable, Decodable {
    public var id: Int64
    public var imageID: Int64
    public var categoryID: Int64
    public var box: COCOBox
    /// The object's own area, which decides its size class; the box's where the file has none.
    public var area: Double
    /// A group of objects: any number of detections may lie in it, and none of them counts.
    public var isCrowd: Bool

    enum CodingKeys: String, CodingKey {
      case id, area
      case imageID = "image_id"
      case categoryID = "category_id"
      case box = "bbox"
      case isCrowd = "iscrowd"
    }

    public init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      id = try values.decode(Int64.self, forKey: .id)
      imageID = try values.decode(Int64.self, forKey: .imageID)
      categoryID = try values.decode(Int64.self, forKey: .categoryID)
      box = try values.decode(COCOBox.self, forKey: .box)
      area = try values.decodeIfPresent(Double.self, forKey: .area) ?? box.area
      isCrowd = try (values.decodeIfPresent(Int.self, forKey: .isCrowd) ?? 0) != 0
    }
  }

  private struct File: Decodable {
    var images: [Image]
    var categories: [Category]
    var annotations: [Annotation]
  }

  /// The name used in messages.
  public let file: String
  public let images: [Image]
  public let categories: [Category]
  public let annotations: [Annotation]

  /// - Throws: `COCOError`, one sentence that names the file and the entry.
  public init(contentsOf url: URL) throws(COCOError) {
    try self.init(data: readCOCOFile(url), file: url.path)
  }

  /// - Parameter file: the name used in messages.
  /// - Throws: `COCOError`.
  public init(data: Data, file: String) throws(COCOError) {
    let contents = try decodeCOCO(File.self, from: data, file: file)
    self.file = file
    images = contents.images
    categories = contents.categories
    annotations = contents.annotations
    let imageIDs = try Self.uniqueIDs(images.map(\.id), list: "images", file: file)
    let categoryIDs = try Self.uniqueIDs(categories.map(\.id), list: "categories", file: file)
    _ = try Self.uniqueIDs(annotations.map(\.id), list: "annotations", file: file)
    for (index, annotation) in annotations.enumerated() {
      if !imageIDs.contains(annotation.imageID) {
        throw .unknownReference(
          file: file, entry: "annotations[\(index)]", kind: "image", id: annotation.imageID)
      }
      if !categoryIDs.contains(annotation.categoryID) {
        throw .unknownReference(
          file: file, entry: "annotations[\(index)]", kind: "category", id: annotation.categoryID)
      }
    }
  }

  private static func uniqueIDs(
    _ ids: [Int64], list: String, file: String
  ) throws(COCOError) -> Set<Int64> {
    var seen: Set<Int64> = []
    seen.reserveCapacity(ids.count)
    for (index, id) in ids.enumerated() where !seen.insert(id).inserted {
      throw .repeatedID(file: file, entry: "\(list)[\(index)]", id: id)
    }
    return seen
  }
}

/// A COCO result file: a list of scored boxes.
public struct COCODetections: Sendable {
  public struct Entry: Hashable, Sendable, Decodable {
    public var imageID: Int64
    public var categoryID: Int64
    public var box: COCOBox
    public var score: Double

    enum CodingKeys: String, CodingKey {
      case score
      case imageID = "image_id"
      case categoryID = "category_id"
      case box = "bbox"
    }
  }

  /// The name used in messages.
  public let file: String
  public let entries: [Entry]

  /// - Throws: `COCOError`, one sentence that names the file and the entry.
  public init(contentsOf url: URL) throws(COCOError) {
    try self.init(data: readCOCOFile(url), file: url.path)
  }

  /// - Parameter file: the name used in messages.
  /// - Throws: `COCOError`.
  public init(data: Data, file: String) throws(COCOError) {
    entries = try decodeCOCO([Entry].self, from: data, file: file)
    self.file = file
  }
}

private func readCOCOFile(_ url: URL) throws(COCOError) -> Data {
  do {
    return try Data(contentsOf: url)
  } catch {
    let isThere = FileManager.default.fileExists(atPath: url.path)
    throw .unreadable(
      file: url.path, reason: isThere ? "it is there, but not readable" : "there is no such file")
  }
}

private func decodeCOCO<Value: Decodable>(
  _ type: Value.Type, from data: Data, file: String
) throws(COCOError) -> Value {
  do {
    return try JSONDecoder().decode(type, from: data)
  } catch let error as DecodingError {
    switch error {
    case .keyNotFound(let key, let context):
      throw .badEntry(
        file: file, entry: entryName(context.codingPath),
        problem: "has no \"\(key.stringValue)\"")
    case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
      throw .badEntry(
        file: file, entry: entryName(context.codingPath), problem: "is not \(plainName(type))")
    case .dataCorrupted(let context):
      if context.codingPath.isEmpty {
        let detail = context.underlyingError.map { "\(firstSentence(of: $0))" }
        throw .notJSON(file: file, reason: detail ?? "the text ends early or is no JSON")
      }
      throw .badEntry(
        file: file, entry: entryName(context.codingPath),
        problem: withoutFullStop(context.debugDescription))
    @unknown default:
      throw .notJSON(file: file, reason: "the text cannot be decoded")
    }
  } catch {
    throw .notJSON(file: file, reason: "the text cannot be decoded")
  }
}

/// `annotations[12].bbox`.
private func entryName(_ path: [any CodingKey]) -> String {
  path.reduce(into: "") { name, key in
    if let index = key.intValue {
      name += "[\(index)]"
    } else {
      name += (name.isEmpty ? "" : ".") + key.stringValue
    }
  }
}

private func plainName(_ type: Any.Type) -> String {
  switch type {
  case is Int64.Type, is Int.Type: "a whole number"
  case is Double.Type: "a number"
  case is String.Type: "a text"
  case is any Collection.Type: "a list"
  default: "an object or a list of the COCO format"
  }
}

/// What Foundation says about damaged JSON, without its wrapping.
private func firstSentence(of error: any Error) -> String {
  let cocoa = error as NSError
  let text = cocoa.userInfo["NSDebugDescription"] as? String ?? cocoa.localizedDescription
  return withoutFullStop(text.split(separator: "\n").first.map(String.init) ?? text)
}

private func withoutFullStop(_ text: String) -> String {
  text.hasSuffix(".") ? String(text.dropLast()) : text
}

import Checkpoints
import Datasets
import Detection
import Foundation
import Glibc
import Parallel
import Tensors

// Files in which another program gets pictures and gives back what its network found: one line of
// JSON, then raw little-endian numbers. `scripts/check_onnx.py evaluate` reads and writes them.

/// Writes `{"count": N, "height": H, "width": W}` and the letterboxed pictures, uint8 `[N, H, W, 3]`.
///
/// - Throws: `DataError` for a picture that cannot be read, or a sentence about the file.
func writeNetworkInputs(_ pictures: PictureCache, to path: String) throws {
  let size = pictures.size
  let count = pictures.samples.count
  let header: JSONValue = [
    "count": .integer(count), "height": .integer(size), "width": .integer(size),
  ]
  guard let file = fopen(path, "wb") else {
    throw fileProblem(path, "cannot be written", String(cString: strerror(errno)))
  }
  var isWritten = fputs(header.lineText + "\n", file) >= 0  // allowed to print: into a file
  do {
    for index in 0..<count where isWritten {
      let batch = try pictures.batch(BatchRequest(sampleIndices: [index]), seed: 0)
      batch.images.withElements(as: UInt8.self) { pixels in
        isWritten = fwrite(pixels.baseAddress!, 1, pixels.count, file) == pixels.count
      }
    }
  } catch {
    fclose(file)
    unlink(path)
    throw error
  }
  guard fclose(file) == 0, isWritten else {
    throw fileProblem(path, "cannot be written", "the disk may be full")
  }
}

/// Reads `{"count": N, "anchors": A, "classes": C}` and per picture float32 boxes `[A, 4]`, corners
/// in pixels of the input, and scores `[A, C]`; filters them as the program's own outputs are.
///
/// - Returns: detections in pixels of the pictures.
/// - Throws: a sentence where the file does not fit the pictures.
func readNetworkOutputs(
  _ path: String, _ pictures: PictureCache, classCount: Int, filter: DetectionFilter
) throws -> [[DetectedBox]] {
  guard let data = FileManager.default.contents(atPath: path) else {
    throw unreadable(path)
  }
  let count = pictures.samples.count
  guard let lineEnd = data.firstIndex(of: 0x0A),
    let header = try? JSONValue(parsing: Array(data[..<lineEnd])),
    let found = header["count"]?.int, let anchors = header["anchors"]?.int,
    let classes = header["classes"]?.int, anchors >= 0
  else {
    throw fileProblem(
      path, "is no file of outputs", "its first line must be JSON with count, anchors and classes",
      exitCode: 65)
  }
  guard found == count, classes == classCount else {
    throw fileProblem(
      path, "is of other pictures or another model",
      "it has \(found) pictures and \(classes) classes, expected \(count) and \(classCount)",
      exitCode: 65)
  }
  let (perPicture, isTooMany) = anchors.multipliedReportingOverflow(by: 4 + classes)
  let body = data.count - (lineEnd + 1)
  guard !isTooMany, body == count * perPicture * 4 else {
    throw fileProblem(
      path, "is cut off or too long",
      "\(body) bytes follow the first line, expected \(count) pictures of \(anchors) boxes",
      exitCode: 65)
  }
  return try (0..<count).map { index in
    let first = lineEnd + 1 + index * perPicture * 4
    let candidates = data.withUnsafeBytes { raw in
      func number(_ i: Int) -> Float {
        Float(
          bitPattern: UInt32(
            littleEndian: raw.loadUnaligned(fromByteOffset: first + 4 * i, as: UInt32.self)))
      }
      var candidates: [DetectedBox] = []
      for anchor in 0..<anchors {
        for classIndex in 0..<classes {
          let score = number(4 * anchors + anchor * classes + classIndex)
          guard score > filter.scoreThreshold else { continue }
          let b = 4 * anchor
          candidates.append(
            DetectedBox(
              corners: SIMD4(number(b), number(b + 1), number(b + 2), number(b + 3)),
              score: score, classIndex: Int32(classIndex)))
        }
      }
      return best(candidates, filter.maximumCandidates)
    }
    let letterbox = try pictures.letterbox(index)
    return suppressNonMaxima(
      candidates, overlapThreshold: filter.overlapThreshold,
      maximumDetections: filter.maximumDetections
    ).map { object in
      var object = object
      object.corners = letterbox.toOriginal(object.corners)
      return object
    }
  }
}

/// The `limit` best, of equal scores the earlier ones, in the order of their scores.
private func best(_ candidates: [DetectedBox], _ limit: Int) -> [DetectedBox] {
  guard candidates.count > limit else { return candidates }
  let order = candidates.indices.sorted {
    candidates[$0].score != candidates[$1].score
      ? candidates[$0].score > candidates[$1].score : $0 < $1
  }
  return order.prefix(limit).map { candidates[$0] }
}

extension PictureCache {
  /// How a picture lies in the input; decodes it only where its size is not known.
  fileprivate func letterbox(_ index: Int) throws(DataError) -> Letterbox {
    if let size = samples[index].size { return Letterbox(fitting: size, into: self.size) }
    return try picture(index).letterbox
  }
}

private func fileProblem(_ path: String, _ what: String, _ reason: String, exitCode: Int32 = 74)
  -> FailureReport
{
  FailureReport(message: "\(path) \(what) (\(reason))", exitCode: exitCode, rank: 0)
}

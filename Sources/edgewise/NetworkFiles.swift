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
        // bounded: a picture is not empty
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
  let file = try NumberFile(path)
  let count = pictures.samples.count
  guard let found = file.header["count"]?.int, let anchors = file.header["anchors"]?.int,
    // bounded: a constant
    let classes = file.header["classes"]?.int, (0...largestAnchorCount).contains(anchors)
  else {
    throw fileProblem(
      path, "is no file of outputs",
      "its first line must be JSON with count, anchors (at most \(largestAnchorCount)) and classes",
      exitCode: 65)
  }
  guard found == count, classes == classCount else {
    throw fileProblem(
      path, "is of other pictures or another model",
      "it has \(found) pictures and \(classes) classes, expected \(count) and \(classCount)",
      exitCode: 65)
  }
  // bounded: at most 2²⁰ anchors, and counts of our own, none of which nears 2²⁰
  let perPicture = anchors * (4 + classes) * 4
  guard file.bodyByteCount == count * perPicture else {  // bounded: as above
    throw fileProblem(
      path, "is cut off or too long",
      "\(file.bodyByteCount) bytes follow the first line, expected \(count) pictures of \(anchors) boxes",
      exitCode: 65)
  }
  return try (0..<count).map { index in
    let bytes = try file.bytes(from: index * perPicture, count: perPicture)  // bounded: as above
    let candidates = try bytes.withUnsafeBytes { raw in
      var candidates: [DetectedBox] = []
      // bounded: at most 2²⁰ anchors, and the bytes were counted
      for anchor in 0..<anchors {
        for classIndex in 0..<classes {
          let score = number(raw, 4 * anchors + anchor * classes + classIndex)
          guard score > filter.scoreThreshold else { continue }
          let b = 4 * anchor
          let corners = SIMD4(
            number(raw, b), number(raw, b + 1), number(raw, b + 2), number(raw, b + 3))
          guard score <= 1, (0..<4).allSatisfy({ corners[$0].isFinite }) else {
            throw fileProblem(
              path, "holds what is no detection",
              "box \(anchor) of picture \(index) has the score \(score) and the corners \(corners)",
              exitCode: 65)
          }
          candidates.append(
            DetectedBox(corners: corners, score: score, classIndex: Int32(classIndex)))
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

/// More boxes than any head gives for an image of 4096 pixels.
private let largestAnchorCount = 1 << 20

/// The `limit` best, of equal scores the earlier ones, in the order of their scores.
private func best(_ candidates: [DetectedBox], _ limit: Int) -> [DetectedBox] {
  guard candidates.count > limit else { return candidates }
  // bounded: indices of the array
  let order = candidates.indices.sorted {
    candidates[$0].score != candidates[$1].score
      ? candidates[$0].score > candidates[$1].score : $0 < $1
  }
  return order.prefix(limit).map { candidates[$0] }  // bounded: indices of the array
}

extension PictureCache {
  /// How a picture lies in the input; decodes it only where its size is not known.
  fileprivate func letterbox(_ index: Int) throws(DataError) -> Letterbox {
    // bounded: an index of the samples
    if let size = samples[index].size { return Letterbox(fitting: size, into: self.size) }
    return try picture(index).letterbox
  }
}

private func fileProblem(_ path: String, _ what: String, _ reason: String, exitCode: Int32 = 74)
  -> FailureReport
{
  FailureReport(message: "\(path) \(what) (\(reason))", exitCode: exitCode, rank: 0)
}

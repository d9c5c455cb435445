import Checkpoints
import Parallel

/// What an exported model's own runtime computed at every site and head, picture by picture.
///
/// The file: a line of JSON `{"count": N, "runtime": …, "sites": [names], "heads": [names]}`, then per picture the
/// int8 points of every site, `[H, W, C]` one after another, then float32 numbers of every head,
/// little-endian. `scripts/check_onnx.py sites` and `scripts/check_tflite.py sites` write it.
final class RuntimeOutputs {
  struct Part {
    var name: String
    var count: Int
  }

  let path: String
  let pictureCount: Int
  /// As the script names the runtime and its kernels.
  let runtime: String
  private let sites, heads: [Part]
  private let file: NumberFile
  /// Where the next picture begins.
  private var offset = 0

  /// - Throws: `CheckpointError` where nothing can be read; a sentence where the file is none, or of
  ///   another model or other pictures.
  init(_ path: String, pictures: Int, sites: [Part], heads: [Part]) throws {
    self.path = path
    (self.sites, self.heads) = (sites, heads)
    file = try NumberFile(path)
    func refused(_ reason: String) -> FailureReport {
      FailureReport(
        message:
          "\(path) is no file of a runtime's values (\(reason)); write it with scripts/parity",
        exitCode: 65, rank: 0)
    }
    guard let count = file.header["count"]?.int, let runtime = file.header["runtime"]?.string,
      let siteNames = file.header["sites"]?.strings, let headNames = file.header["heads"]?.strings
    else {
      throw refused("its first line must be JSON with count, runtime, sites and heads")
    }
    guard count == pictures else {
      throw refused("it has \(count) pictures, expected \(pictures)")
    }
    guard siteNames == sites.map(\.name), headNames == heads.map(\.name) else {
      throw refused("its sites or heads are those of another model")
    }
    pictureCount = count
    self.runtime = runtime
    let perPicture =
      // bounded: counts of our own model
      sites.reduce(0) { $0 + $1.count } + 4 * heads.reduce(0) { $0 + $1.count }
    // bounded: counts of our own model and pictures
    guard file.bodyByteCount == count * perPicture else {
      throw refused("it is cut off or too long for \(count) pictures")
    }
  }

  /// The next picture's points and head numbers.
  func next() throws(CheckpointError) -> (sites: [[Int8]], heads: [[Float]]) {
    var points: [[Int8]] = []
    for site in sites {
      points.append(try read(site.count).map { Int8(bitPattern: $0) })
    }
    var numbers: [[Float]] = []
    for head in heads {
      let bytes = try read(4 * head.count)  // bounded: counts of our own model
      numbers.append(
        bytes.withUnsafeBytes { raw in
          (0..<head.count).map { number(raw, $0) }
        })
    }
    return (points, numbers)
  }

  private func read(_ count: Int) throws(CheckpointError) -> [UInt8] {
    defer { offset += count }  // bounded: inside the file
    return try file.bytes(from: offset, count: count)
  }
}

extension JSONValue {
  fileprivate var strings: [String]? {
    guard case .array(let values) = self else { return nil }
    let strings = values.compactMap(\.string)
    return strings.count == values.count ? strings : nil
  }
}

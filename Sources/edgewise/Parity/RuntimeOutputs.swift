import Checkpoints
import Foundation
import Glibc
import Parallel
import Tensors

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
  private let file: FileHandle

  /// - Throws: a sentence where the file is none, or of another model or other pictures.
  init(_ path: String, pictures: Int, sites: [Part], heads: [Part]) throws(FailureReport) {
    self.path = path
    (self.sites, self.heads) = (sites, heads)
    guard let file = FileHandle(forReadingAtPath: path) else {
      throw unreadable(path)
    }
    self.file = file
    func refused(_ reason: String) -> FailureReport {
      FailureReport(
        message:
          "\(path) is no file of a runtime's values (\(reason)); write it with scripts/parity",
        exitCode: 65, rank: 0)
    }
    var line: [UInt8] = []
    while let byte = (try? file.read(upToCount: 1))?.first, byte != 0x0A, line.count < 1 << 20 {
      line.append(byte)
    }
    guard let header = try? JSONValue(parsing: line), let count = header["count"]?.int,
      let runtime = header["runtime"]?.string, let siteNames = header["sites"]?.strings,
      let headNames = header["heads"]?.strings
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
      sites.reduce(0) { $0 + $1.count } + 4 * heads.reduce(0) { $0 + $1.count }
    var status = stat()
    guard fstat(file.fileDescriptor, &status) == 0,
      Int(status.st_size) == line.count + 1 + count * perPicture
    else { throw refused("it is cut off or too long for \(count) pictures") }
  }

  /// The next picture's points and head numbers.
  func next() throws(FailureReport) -> (sites: [[Int8]], heads: [[Float]]) {
    var points: [[Int8]] = []
    for site in sites {
      points.append(try read(site.count).map { Int8(bitPattern: $0) })
    }
    var numbers: [[Float]] = []
    for head in heads {
      let bytes = try read(4 * head.count)
      numbers.append(
        bytes.withUnsafeBytes { raw in
          (0..<head.count).map {
            Float(
              bitPattern: UInt32(
                littleEndian: raw.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
          }
        })
    }
    return (points, numbers)
  }

  private func read(_ count: Int) throws(FailureReport) -> Data {
    guard count > 0 else { return Data() }
    guard let data = try? file.read(upToCount: count), data.count == count else {
      throw FailureReport(message: "\(path) cannot be read to its end", exitCode: 74, rank: 0)
    }
    return data
  }
}

extension JSONValue {
  fileprivate var strings: [String]? {
    guard case .array(let values) = self else { return nil }
    let strings = values.compactMap(\.string)
    return strings.count == values.count ? strings : nil
  }
}

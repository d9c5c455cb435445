import Compression

/// The bytes of `manifest.json`: the manifest's JSON with a checksum of itself in front.
///
/// The file starts with `{`, a line feed, `  "checksum": "`, 16 digits, `",` and a line feed; the
/// digits are the XXH64 of all bytes after that line feed.
package enum ManifestFile {
  static let head = Array("{\n  \"checksum\": \"".utf8)
  static let headEnd = Array("\",\n".utf8)
  static var headByteCount: Int { head.count + 16 + headEnd.count }  // bounded: constants

  /// The file's bytes for a manifest in JSON form, which must be an object that is not empty.
  // bounded: a manifest of our own
  package static func bytes(of json: JSONValue) -> [UInt8] {
    guard let members = json.object, !members.isEmpty else {
      preconditionFailure("a manifest is an object with members")
    }
    var printer = JSONPrinter()
    for (i, key) in members.keys.sorted().enumerated() {
      if i > 0 { printer.bytes += ",\n".utf8 }
      printer.bytes += "  ".utf8
      let start = printer.bytes.count
      printer.print(string: key)
      printer.bytes += ": ".utf8
      printer.print(members[key]!, indent: 2, column: 2 + printer.bytes.count - start)
    }
    printer.bytes += "\n}\n".utf8
    return bytes(ofText: printer.bytes)
  }

  /// The file's bytes for what follows the checksum line.
  package static func bytes(ofText text: [UInt8]) -> [UInt8] {
    head + Array(hexText(xxh64(text)).utf8) + headEnd + text  // bounded: a join
  }

  /// The manifest's JSON form, after its checksum.
  ///
  /// `skipped` are keys whose values are not needed; they become `null`.
  static func json(
    _ bytes: [UInt8], file: String, leavingOut skipped: Set<String> = []
  ) throws(CheckpointError) -> JSONValue {
    guard bytes.count > headByteCount, bytes.starts(with: head),
      // bounded: its length was compared just before
      bytes[(headByteCount - headEnd.count)...].starts(with: headEnd),
      let expected = hexValue(
        // bounded: its length was compared before
        String(decoding: bytes[head.count..<head.count + 16], as: UTF8.self))
    else {
      throw .damaged(
        file: file, found: "it does not start with a checksum line",
        expected: "the manifest of a checkpoint")
    }
    // bounded: its length was compared above
    let found = bytes.withUnsafeBytes { xxh64(.init(rebasing: $0[headByteCount...])) }
    guard found == expected else {
      throw .damaged(
        file: file, found: "the checksum of its text is \(hexText(found))",
        expected: hexText(expected))
    }
    do {
      return try JSONValue(parsing: bytes, leavingOut: skipped)
    } catch {
      throw .damaged(file: file, found: error.description, expected: "JSON")
    }
  }
}

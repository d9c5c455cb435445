/// The directory of a zip archive, and its entries' bytes.
///
/// Names are keys and nothing else: no file is made from them, so `../` and absolute ones do no harm.
/// Refused: a name given twice, entries that overlap, encryption, methods but stored and deflated,
/// several disks, an entry that inflates beyond the allowance or not to its checksum.
///
/// *Source:* PKWARE's APPNOTE, sections 4.3 to 4.5, with the 64-bit extension.
struct ZipArchive: Sendable {
  struct Entry: Sendable {
    let name: String
    let isDeflated: Bool
    let packed: Bytes
    let byteCount: Int
    let checksum: UInt32
  }

  /// In the order of the directory.
  let entries: [Entry]
  private let places: [String: Int]

  /// Whether the bytes begin as an archive does.
  static func isBegun(by bytes: Bytes) -> Bool { bytes.starts(with: [0x50, 0x4B, 3, 4]) }

  subscript(name: String) -> Entry? { places[name].map { entries[$0] } }

  init(_ bytes: Bytes) throws(WeightFileError) {
    let end = try EndOfDirectory(bytes)
    let directory = try bytes.part(end.offset, count: end.byteCount, of: "the zip directory")
    var entries: [Entry] = []
    var places: [String: Int] = [:]
    var extents: [(start: Int, end: Int, name: String)] = []
    var position = 0
    while position < directory.count {
      guard entries.count < bytes.limits.itemCount else {
        throw bytes.limit("more zip entries", "\(bytes.limits.itemCount)")
      }
      let record = try DirectoryRecord(directory, at: position)
      position += record.recordByteCount
      let (entry, extent) = try record.entry(in: bytes, before: end.offset)
      guard places.updateValue(entries.count, forKey: entry.name) == nil else {
        throw bytes.damaged(
          "the zip entry \(quoted(entry.name)) is there twice", expected: "names used once")
      }
      entries.append(entry)
      extents.append((extent.lowerBound, extent.upperBound, entry.name))
    }
    guard entries.count == end.entryCount else {
      throw bytes.damaged(
        "the zip directory lists \(entries.count) entries", expected: "\(end.entryCount)")
    }
    extents.sort { ($0.start, $0.end) < ($1.start, $1.end) }
    for (first, second) in zip(extents, extents.dropFirst()) where second.start < first.end {
      throw bytes.damaged(
        "the zip entries \(quoted(first.name)) and \(quoted(second.name)) overlap",
        expected: "entries one after another")
    }
    self.entries = entries
    self.places = places
  }

  /// What an entry holds, checked against its checksum.
  func contents(of entry: Entry) throws(WeightFileError) -> Bytes {
    let what = "the zip entry \(quoted(entry.name))"
    let bytes =
      entry.isDeflated
      ? try entry.packed.inflated(byteCount: entry.byteCount, isWhole: true, of: what)
      : entry.packed
    let found = WeightFiles.checksum(bytes.pointer)
    guard found == entry.checksum else {
      throw bytes.damaged("\(what) has another checksum", expected: "the one in the directory")
    }
    return bytes
  }

  /// The first bytes of an entry, at most `count`, unchecked.
  func prefix(of entry: Entry, count: Int) throws(WeightFileError) -> Bytes {
    let what = "the zip entry \(quoted(entry.name))"
    let count = min(count, entry.byteCount)
    return entry.isDeflated
      ? try entry.packed.inflated(byteCount: count, isWhole: false, of: what)
      : try entry.packed.part(0, count: count, of: what)
  }
}

/// Where the directory lies: the record at the end of an archive.
private struct EndOfDirectory {
  let offset: Int
  let byteCount: Int
  let entryCount: Int

  init(_ bytes: Bytes) throws(WeightFileError) {
    let place = try Self.place(bytes)
    func short(_ offset: Int) throws(WeightFileError) -> Int {
      Int(try bytes.integer(at: place + offset, as: UInt16.self, of: "the end of the directory"))
    }
    func long(_ offset: Int) throws(WeightFileError) -> Int {
      Int(try bytes.integer(at: place + offset, as: UInt32.self, of: "the end of the directory"))
    }
    let disk = try short(4)
    var (count, size, start) = (try short(10), try long(12), try long(16))
    if count == 0xFFFF || size == 0xFFFF_FFFF || start == 0xFFFF_FFFF {
      let locator = place - 20
      let what = "the 64-bit end of the zip directory"
      guard locator >= 0,
        try bytes.integer(at: locator, as: UInt32.self, of: what) == 0x0706_4B50
      else { throw bytes.damaged("\(what) is missing", expected: "its locator") }
      let record = try bytes.length(at: locator + 8, of: what)
      guard record <= locator, locator - record >= 56,
        try bytes.integer(at: record, as: UInt32.self, of: what) == 0x0606_4B50
      else { throw bytes.damaged("\(what) is not where its locator says", expected: "it there") }
      count = try bytes.length(at: record + 32, of: what)
      size = try bytes.length(at: record + 40, of: what)
      start = try bytes.length(at: record + 48, of: what)
    } else if disk != 0 {
      throw bytes.unsupported("it is one disk of a zip archive", "join the disks first")
    }
    guard start <= place, size <= place - start else {
      throw bytes.damaged(
        "the zip directory (\(size) bytes at \(start)) reaches beyond its end at \(place)",
        expected: "it before its end record")
    }
    (offset, byteCount, entryCount) = (start, size, count)
  }

  /// The last place where the record stands, with a comment as long as it says.
  private static func place(_ bytes: Bytes) throws(WeightFileError) -> Int {
    let last = bytes.count - 22
    var place = last
    while place >= 0, place >= last - 0xFFFF {
      if try bytes.integer(at: place, as: UInt32.self, of: "the end") == 0x0605_4B50,
        Int(try bytes.integer(at: place + 20, as: UInt16.self, of: "the end")) == last - place
      {
        return place
      }
      place -= 1
    }
    throw bytes.damaged(
      "its \(bytes.count) bytes begin as a zip archive and end without its directory",
      expected: "the whole file (a download may have been cut off)")
  }
}

/// One entry of the directory.
private struct DirectoryRecord {
  let recordByteCount: Int
  private let flags: UInt16
  private let method: UInt16
  private let checksum: UInt32
  private var packedByteCount: Int
  private var byteCount: Int
  private var headerOffset: Int
  private let nameBytes: Bytes

  init(_ directory: Bytes, at place: Int) throws(WeightFileError) {
    let what = "an entry of the zip directory"
    func short(_ offset: Int) throws(WeightFileError) -> UInt16 {
      try directory.integer(at: place + offset, as: UInt16.self, of: what)
    }
    func long(_ offset: Int) throws(WeightFileError) -> UInt32 {
      try directory.integer(at: place + offset, as: UInt32.self, of: what)
    }
    guard try long(0) == 0x0201_4B50 else {
      throw directory.damaged("\(what) lacks its mark", expected: "PK\\1\\2")
    }
    flags = try short(8)
    method = try short(10)
    checksum = try long(16)
    packedByteCount = Int(try long(20))
    byteCount = Int(try long(24))
    headerOffset = Int(try long(42))
    let (nameCount, extraCount) = (Int(try short(28)), Int(try short(30)))
    recordByteCount = 46 + nameCount + extraCount + Int(try short(32))
    nameBytes = try directory.part(place + 46, count: nameCount, of: "the name of \(what)")
    let extra = try directory.part(
      place + 46 + nameCount, count: extraCount, of: "the extra fields of \(what)")
    _ = try directory.part(place, count: recordByteCount, of: what)
    try readLengths(extra)
  }

  /// Takes lengths of 64 bits from the extra field 1, in whose place stand all ones.
  private mutating func readLengths(_ extra: Bytes) throws(WeightFileError) {
    var place = 0
    while extra.count - place >= 4 {
      let kind = try extra.integer(at: place, as: UInt16.self, of: "an extra field")
      let count = Int(try extra.integer(at: place + 2, as: UInt16.self, of: "an extra field"))
      // PyTorch fills up with fields that are no fields at the end; only those of kind 1 matter.
      guard count <= extra.count - place - 4 else { return }
      if kind == 1 {
        let field = try extra.part(place + 4, count: count, of: "64-bit lengths")
        var next = 0
        if byteCount == 0xFFFF_FFFF {
          byteCount = try field.length(at: next, of: "the length of a zip entry")
          next += 8
        }
        if packedByteCount == 0xFFFF_FFFF {
          packedByteCount = try field.length(at: next, of: "the length of a zip entry")
          next += 8
        }
        if headerOffset == 0xFFFF_FFFF {
          headerOffset = try field.length(at: next, of: "the place of a zip entry")
        }
        return
      }
      place += 4 + count
    }
  }

  /// The entry with its bytes, and the range that it takes in the file.
  func entry(
    in bytes: Bytes, before directory: Int
  ) throws(WeightFileError) -> (ZipArchive.Entry, Range<Int>) {
    let name = try nameBytes.text(of: "the name of a zip entry")
    let what = "the zip entry \(quoted(name))"
    guard flags & 0x41 == 0 else {
      throw bytes.unsupported("\(what) is encrypted", "decrypt the file first")
    }
    guard method == 0 || method == 8 else {
      throw bytes.unsupported(
        "\(what) is compressed by method \(method)", "pack it again stored or deflated")
    }
    guard byteCount <= bytes.contents.allowance else {
      throw bytes.limit("\(what) of \(byteCount) bytes", "\(bytes.contents.allowance) bytes")
    }
    guard method == 8 || packedByteCount == byteCount else {
      throw bytes.damaged(
        "\(what) is stored in \(packedByteCount) bytes", expected: "\(byteCount)")
    }
    guard try bytes.integer(at: headerOffset, as: UInt32.self, of: what) == 0x0403_4B50 else {
      throw bytes.damaged("\(what) is not at byte \(headerOffset)", expected: "PK\\3\\4 there")
    }
    // A place that holds four bytes is far from overflow.
    let nameCount = Int(
      try bytes.integer(at: headerOffset + 26, as: UInt16.self, of: what))
    let extraCount = Int(
      try bytes.integer(at: headerOffset + 28, as: UInt16.self, of: what))
    let localName = try bytes.part(headerOffset + 30, count: nameCount, of: "the name of \(what)")
    guard localName.pointer.elementsEqual(nameBytes.pointer) else {
      throw bytes.damaged("\(what) has another name in its own header", expected: "the same")
    }
    let start = headerOffset + 30 + nameCount + extraCount
    let packed = try bytes.part(start, count: packedByteCount, of: what)
    guard start + packedByteCount <= directory else {
      throw bytes.damaged("\(what) reaches into the directory", expected: "it to end before")
    }
    let entry = ZipArchive.Entry(
      name: name, isDeflated: method == 8, packed: packed, byteCount: byteCount,
      checksum: checksum)
    return (entry, headerOffset..<start + packedByteCount)
  }
}

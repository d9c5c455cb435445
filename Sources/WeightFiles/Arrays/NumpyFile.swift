import Tensors

/// A zip archive of `NAME.npy`, stored or deflated.
///
/// *Source:* `numpy.lib.format`, versions 1.0 to 3.0. Arrays of objects are pickles and are refused; texts
/// and records are listed and refused when they are read.
struct NumpyFile: WeightSource {
  let facts: WeightFacts
  let tensors: [WeightEntry]
  private let path: String
  private let archive: ZipArchive
  private let headers: [String: NumpyHeader]

  var format: WeightFormat { .numpy }
  var convolutions: [WeightConvolution] { [] }

  init(_ bytes: Bytes, _ archive: ZipArchive) throws(WeightFileError) {
    var headers: [String: NumpyHeader] = [:]
    var entries: [WeightEntry] = []
    for entry in archive.entries where entry.name.hasSuffix(".npy") {
      let name = String(entry.name.dropLast(4))
      let what = "the array \(quoted(name))"
      let header = try NumpyHeader(
        try archive.prefix(of: entry, count: NumpyHeader.longest), of: what)
      let count = try bytes.elementCount(header.shape, of: what)
      if let type = header.type, entry.byteCount != header.byteCount + count * type.byteCount {
        throw bytes.damaged(
          "\(what) has \(entry.byteCount) bytes",
          expected: "\(header.byteCount + count * type.byteCount) for \(header.shape)")
      }
      headers[name] = header
      entries.append(
        WeightEntry(name: name, type: header.type?.rawValue ?? header.typeName, shape: header.shape)
      )
    }
    tensors = entries.sorted { $0.name < $1.name }
    facts = WeightFacts(metadata: [:], tensors: tensors)
    path = bytes.path
    self.archive = archive
    self.headers = headers
  }

  func read(_ name: String) throws(WeightFileError) -> Tensor {
    guard let header = headers[name], let entry = archive[name + ".npy"] else {
      throw .noTensor(file: path, name: name)
    }
    let what = "the array \(quoted(name))"
    guard let type = header.type else {
      throw entry.packed.unsupported(
        "\(what) is stored as \(quoted(header.typeName))", "store numbers (float32)")
    }
    let whole = try archive.contents(of: entry)
    let data = try whole.part(
      header.byteCount, count: whole.count - header.byteCount, of: what)
    let ordered = header.isBigEndian ? data.swapped(elementByteCount: type.byteCount) : data
    guard header.isFortranOrder, header.shape.count > 1 else {
      return try ordered.tensor(type, shape: header.shape, of: what)
    }
    let reversed = try ordered.tensor(type, shape: header.shape.reversed(), of: what)
    return reversed.transposed(Array((0..<header.shape.count).reversed()))
  }
}

/// What stands before an array's numbers.
struct NumpyHeader: Sendable {
  /// No header of an array of plain numbers is longer.
  static let longest = 1 << 12

  /// Where the numbers begin.
  let byteCount: Int
  /// `nil` where they are no numbers that are read.
  let type: ElementType?
  let typeName: String
  let isBigEndian: Bool
  let isFortranOrder: Bool
  let shape: [Int]

  init(_ bytes: Bytes, of what: String) throws(WeightFileError) {
    guard bytes.starts(with: [0x93] + Array("NUMPY".utf8)) else {
      throw bytes.damaged("\(what) does not begin as one", expected: "\\x93NUMPY")
    }
    let version = try bytes.integer(at: 6, as: UInt8.self, of: what)
    let start: Int
    let count: Int
    switch version {
    case 1:
      start = 10
      count = Int(try bytes.integer(at: 8, as: UInt16.self, of: what))
    case 2, 3:
      start = 12
      count = Int(try bytes.integer(at: 8, as: UInt32.self, of: what))
    default:
      throw bytes.unsupported("\(what) has version \(version) of the npy format", "use 1, 2 or 3")
    }
    guard start + count <= Self.longest else {
      throw bytes.limit("a header of \(count) bytes for \(what)", "\(Self.longest) bytes")
    }
    let text = try bytes.part(start, count: count, of: "the header of \(what)")
    let header = try LiteralParser.value(in: text, of: "the header of \(what)")
    guard let descr = header["descr"], let isFortranOrder = header["fortran_order"]?.bool,
      let shape = header["shape"]?.integers
    else {
      throw bytes.damaged(
        "the header of \(what) lacks something", expected: "descr, fortran_order and shape")
    }
    let name = descr.text ?? "a record"
    if name.hasSuffix("O") {
      throw bytes.unsupported(
        "\(what) holds Python objects, which are a program to run", "store numbers (float32)")
    }
    byteCount = start + count
    typeName = name
    type = Self.elementType(name.dropFirst())
    isBigEndian = name.first == ">"
    self.isFortranOrder = isFortranOrder
    self.shape = shape
  }

  private static func elementType(_ name: some StringProtocol) -> ElementType? {
    switch name {
    case "f8": .float64
    case "f4": .float32
    case "f2": .float16
    case "i8": .int64
    case "u8": .uint64
    case "i4": .int32
    case "u4": .uint32
    case "i2": .int16
    case "u2": .uint16
    case "i1": .int8
    case "u1": .uint8
    case "b1": .bool
    default: nil
    }
  }
}

extension Bytes {
  /// A copy in which the bytes of each element stand in reverse.
  fileprivate func swapped(elementByteCount size: Int) -> Bytes {
    var result = Array(pointer)
    for start in stride(from: 0, to: count - count % size, by: size) {
      result[start..<start + size].reverse()
    }
    return Bytes(FileContents(result, path: path, limits: limits))
  }
}

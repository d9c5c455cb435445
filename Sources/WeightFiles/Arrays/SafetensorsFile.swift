import Tensors

/// Eight bytes with the header's length, the header in JSON, the tensors' bytes one after another.
///
/// Refused, as by the format's own reader: a name given twice, gaps, overlaps, bytes behind the last tensor.
///
/// *Source:* the format's description in the README of huggingface/safetensors.
struct SafetensorsFile: WeightSource {
  private struct Record: Sendable {
    let entry: WeightEntry
    let type: ElementType?
    let bytes: Bytes
  }

  let facts: WeightFacts
  let tensors: [WeightEntry]
  private let path: String
  private let records: [String: Record]

  var format: WeightFormat { .safetensors }
  var convolutions: [WeightConvolution] { [] }

  static func isBegun(by bytes: Bytes) -> Bool {
    bytes.count > 8 && bytes.pointer[8] == UInt8(ascii: "{")
      && bytes.pointer[4..<8].allSatisfy { $0 == 0 }
  }

  init(_ bytes: Bytes) throws(WeightFileError) {
    let headerCount = try bytes.length(at: 0, of: "the header's length")
    let header = try bytes.part(8, count: headerCount, of: "the header")
    let data = try bytes.part(
      8 + headerCount, count: bytes.count - 8 - headerCount, of: "the tensors")
    guard
      let members = try LiteralParser.value(in: header, of: "the header").members
    else { throw bytes.damaged("the header is no dictionary", expected: "names with tensors") }
    var records: [String: Record] = [:]
    var entries: [WeightEntry] = []
    var extents: [(start: Int, end: Int)] = []
    var metadata: [String: Literal] = [:]
    for member in members {
      guard let name = member.key.text else {
        throw bytes.damaged("a name in the header is no text", expected: "text")
      }
      if name == "__metadata__" {
        for fact in member.value.members ?? [] {
          if let key = fact.key.text { metadata[key] = fact.value }
        }
        continue
      }
      let what = "the tensor \(quoted(name))"
      guard let typeName = member.value["dtype"]?.text,
        let shape = member.value["shape"]?.integers,
        let offsets = member.value["data_offsets"]?.integers, offsets.count == 2,
        offsets[0] >= 0, offsets[0] <= offsets[1]
      else {
        throw bytes.damaged(
          "\(what) is not fully described", expected: "dtype, shape and data_offsets")
      }
      let part = try data.part(offsets[0], count: offsets[1] - offsets[0], of: what)
      let type = Self.elementType(typeName)
      let count = try bytes.elementCount(shape, of: what)
      if let type, part.count != count * type.byteCount {
        throw bytes.damaged(
          "\(what) has \(part.count) bytes", expected: "\(count * type.byteCount) for \(shape)")
      }
      let entry = WeightEntry(name: name, type: type?.rawValue ?? typeName, shape: shape)
      records[name] = Record(entry: entry, type: type, bytes: part)
      extents.append((offsets[0], offsets[1]))
      entries.append(entry)
    }
    extents.sort { ($0.start, $0.end) < ($1.start, $1.end) }
    var end = 0
    for extent in extents {
      guard extent.start == end else {
        throw bytes.damaged(
          "a tensor starts at byte \(extent.start) of the data", expected: "byte \(end)")
      }
      end = extent.end
    }
    guard end == data.count else {
      throw bytes.damaged("\(data.count) bytes of data", expected: "\(end)")
    }
    tensors = entries.sorted { $0.name < $1.name }
    facts = WeightFacts(metadata: metadata, tensors: tensors)
    path = bytes.path
    self.records = records
  }

  func read(_ name: String) throws(WeightFileError) -> Tensor {
    guard let record = records[name] else { throw .noTensor(file: path, name: name) }
    guard let type = record.type else {
      throw record.bytes.unsupported(
        "the tensor \(quoted(name)) is stored as \(quoted(record.entry.type))",
        "store it as F32, F16 or BF16")
    }
    return try record.bytes.tensor(
      type, shape: record.entry.shape, of: "the tensor \(quoted(name))")
  }

  private static func elementType(_ name: String) -> ElementType? {
    switch name {
    case "F64": .float64
    case "F32": .float32
    case "F16": .float16
    case "BF16": .bfloat16
    case "F8_E4M3": .float8e4m3
    case "F8_E5M2": .float8e5m2
    case "I64": .int64
    case "U64": .uint64
    case "I32": .int32
    case "U32": .uint32
    case "I16": .int16
    case "U16": .uint16
    case "I8": .int8
    case "U8": .uint8
    case "BOOL": .bool
    default: nil
    }
  }
}

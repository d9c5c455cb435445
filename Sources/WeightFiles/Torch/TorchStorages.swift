import Synchronization
import Tensors

/// A tensor as a view of one of the archive's storages.
struct StorageView: Sendable {
  let key: String
  let type: ElementType
  /// Elements of the storage.
  let storageCount: Int
  let offset: Int
  let shape: [Int]
  let strides: [Int]
  let elementCount: Int

  /// *Throws:* where an element would lie outside the storage, or the type is none that is read.
  init(
    _ tensor: PickleTensor, in pickle: Pickle, _ bytes: Bytes, of what: String
  ) throws(WeightFileError) {
    guard case .persistent(let identity) = pickle[tensor.storage],
      let parts = pickle.elements(identity), parts.count >= 5,
      pickle.text(parts[0]) == "storage", let storage = pickle.globalName(parts[1]),
      let key = pickle.text(parts[2]), let count = pickle.integer(parts[4]), count >= 0
    else { throw bytes.damaged("\(what) has no storage", expected: "a storage of PyTorch") }
    let name = pickle.globalName(tensor.type) ?? storage
    guard let type = Self.elementType(name) else {
      throw bytes.unsupported(
        "\(what) is stored as \(quoted(name))", "store it as float32, float16 or bfloat16")
    }
    var storageCount = count
    if tensor.type != nil {
      // Storages without a type count bytes.
      guard count % type.byteCount == 0 else {
        throw bytes.damaged("\(what) has a storage of \(count) bytes", expected: "whole elements")
      }
      storageCount = count / type.byteCount
    }
    elementCount = try bytes.elementCount(tensor.shape, of: what)
    var last = tensor.offset
    if elementCount > 0 {
      for (extent, stride) in zip(tensor.shape, tensor.strides) {
        let (step, overflow) = (extent - 1).multipliedReportingOverflow(by: stride)
        let (sum, sumOverflow) = last.addingReportingOverflow(step)
        guard !overflow, !sumOverflow else {
          throw bytes.damaged("\(what) has the strides \(tensor.strides)", expected: "smaller ones")
        }
        last = sum
      }
      guard last < storageCount else {
        throw bytes.damaged(
          "\(what) reaches element \(last) of a storage of \(storageCount)",
          expected: "it within")
      }
    }
    self.key = key
    self.type = type
    self.storageCount = storageCount
    offset = tensor.offset
    shape = tensor.shape
    strides = tensor.strides
  }

  /// Whether the elements lie one after another, the last extent fastest.
  var isDense: Bool {
    var step = 1
    for (extent, stride) in zip(shape, strides).reversed() where extent != 1 {
      if stride != step { return false }
      step *= extent
    }
    return true
  }

  private static func elementType(_ name: String) -> ElementType? {
    switch name.split(separator: ".").last.map(String.init) {
    case "DoubleStorage", "float64": .float64
    case "FloatStorage", "float32": .float32
    case "HalfStorage", "float16": .float16
    case "BFloat16Storage", "bfloat16": .bfloat16
    case "float8_e4m3fn": .float8e4m3
    case "float8_e5m2": .float8e5m2
    case "LongStorage", "int64": .int64
    case "IntStorage", "int32": .int32
    case "ShortStorage", "int16": .int16
    case "CharStorage", "int8": .int8
    case "ByteStorage", "uint8": .uint8
    case "BoolStorage", "bool": .bool
    case "uint16": .uint16
    case "uint32": .uint32
    case "uint64": .uint64
    default: nil
    }
  }
}

/// The archive's files of numbers. The one used last stays at hand, for many tensors may share one.
final class TorchStorages: Sendable {
  private let archive: ZipArchive
  private let prefix: String
  private let last = Mutex<(key: String, bytes: Bytes)?>(nil)

  init(archive: ZipArchive, prefix: String) {
    self.archive = archive
    self.prefix = prefix
  }

  /// Holds a view against the length of its storage, without reading it.
  func check(_ view: StorageView, _ bytes: Bytes, of what: String) throws(WeightFileError) {
    let (needed, overflow) = view.storageCount.multipliedReportingOverflow(by: view.type.byteCount)
    guard let entry = archive[prefix + "data/" + view.key] else {
      throw bytes.damaged(
        "\(what) lies in the storage \(quoted(view.key)), which is not in the archive",
        expected: "all storages")
    }
    guard !overflow, entry.byteCount == needed else {
      throw bytes.damaged(
        "the storage \(quoted(view.key)) has \(entry.byteCount) bytes",
        expected: "\(view.storageCount) elements of \(view.type.rawValue)")
    }
  }

  func read(_ view: StorageView, of what: String) throws(WeightFileError) -> Tensor {
    let storage = try contents(view.key, of: what)
    try check(view, storage, of: what)
    let size = view.type.byteCount
    guard view.elementCount > 0 else { return Tensor(shape: Shape(view.shape)) }
    if view.isDense {
      let part = try storage.part(
        view.offset * size, count: view.elementCount * size, of: what)
      return try part.tensor(view.type, shape: view.shape, of: what)
    }
    var result = Tensor(uninitialized: Shape(view.shape), dtype: .float32)
    var places = StridedPlaces(extents: view.shape, strides: view.strides, offset: view.offset)
    result.withMutableElements(as: Float.self) { target in
      guard let start = target.baseAddress, let source = storage.pointer.baseAddress else { return }
      for index in 0..<view.elementCount {
        view.type.decode(source + places.current * size, count: 1, into: start + index)
        places.advance()
      }
    }
    return result
  }

  private func contents(_ key: String, of what: String) throws(WeightFileError) -> Bytes {
    if let last = last.withLock({ $0 }), last.key == key { return last.bytes }
    guard let entry = archive[prefix + "data/" + key] else {
      throw .damaged(
        file: archive.entries.first?.packed.path ?? "", found: "\(what) has no storage",
        expected: "all storages")
    }
    let bytes = try archive.contents(of: entry)
    last.withLock { $0 = (key, bytes) }
    return bytes
  }
}

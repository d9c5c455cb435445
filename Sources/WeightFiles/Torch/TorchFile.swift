import Tensors

/// A checkpoint of PyTorch: a zip archive with `data.pkl` and a file for each storage.
///
/// The network is the one under `ema` where that is not `None`, else the one under `model`, as Ultralytics'
/// own loader has it; or the pickled module itself. Where there are only tensors by name, `facts` say so.
///
/// *Source:* `torch/serialization.py`; what a real file looks like, as `pickletools` shows it.
struct TorchFile: WeightSource {
  let facts: WeightFacts
  let tensors: [WeightEntry]
  private let path: String
  private let views: [String: StorageView]
  private let storages: TorchStorages

  var format: WeightFormat { .torch }
  var convolutions: [WeightConvolution] { [] }

  init(_ bytes: Bytes, _ archive: ZipArchive) throws(WeightFileError) {
    let pickles = archive.entries.filter { $0.name == "data.pkl" || $0.name.hasSuffix("/data.pkl") }
    guard let entry = pickles.first, pickles.count == 1 else {
      throw bytes.damaged("\(pickles.count) entries data.pkl", expected: "one")
    }
    let prefix = String(entry.name.dropLast("data.pkl".count))
    if let order = archive[prefix + "byteorder"],
      try archive.contents(of: order).pointer.elementsEqual("big".utf8)
    {
      throw bytes.unsupported("it was written on a big-endian machine", "save it on another one")
    }
    let pickle = try PickleInterpreter.pickle(try archive.contents(of: entry))
    let checkpoint = try TorchCheckpoint(pickle, bytes)
    storages = TorchStorages(archive: archive, prefix: prefix)
    var views: [String: StorageView] = [:]
    var entries: [WeightEntry] = []
    for found in checkpoint.tensors {
      let what = "the tensor \(quoted(found.name))"
      let view = try StorageView(found.tensor, in: pickle, bytes, of: what)
      guard views.updateValue(view, forKey: found.name) == nil else {
        throw bytes.damaged("\(what) is there twice", expected: "names used once")
      }
      try storages.check(view, bytes, of: what)
      entries.append(
        WeightEntry(name: found.name, type: view.type.rawValue, shape: view.shape))
    }
    self.views = views
    tensors = entries.sorted { $0.name < $1.name }
    path = bytes.path
    var facts = checkpoint.facts
    if let tensor = checkpoint.strides,
      let view = try? StorageView(tensor, in: pickle, bytes, of: "the strides"),
      let values = try? storages.read(view, of: "the strides")
    {
      facts.strides = values.values(as: Float.self).compactMap { Int(exactly: $0) }
    }
    facts.complete(from: tensors)
    self.facts = facts
  }

  func read(_ name: String) throws(WeightFileError) -> Tensor {
    guard let view = views[name] else { throw .noTensor(file: path, name: name) }
    return try storages.read(view, of: "the tensor \(quoted(name))")
  }
}

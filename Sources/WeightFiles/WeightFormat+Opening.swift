/// What reads the file, chosen by how it begins.
func weightSource(_ bytes: Bytes) throws(WeightFileError) -> any WeightSource {
  guard bytes.count > 0 else {
    throw bytes.damaged("it is empty", expected: "a file of weights")
  }
  if ZipArchive.isBegun(by: bytes) { return try archiveSource(bytes) }
  if bytes.starts(with: Array("PK\u{5}\u{6}".utf8)) {
    throw bytes.unsupported("it is an empty zip archive", advice)
  }
  if bytes.count >= 8, bytes.pointer[4..<8].elementsEqual("TFL3".utf8) {
    return try TFLiteFile(bytes)
  }
  if bytes.starts(with: [0x93] + Array("NUMPY".utf8)) {
    throw bytes.unsupported(
      "it is one array without a name (.npy)", "save the tensors by name with numpy.savez")
  }
  if bytes.starts(with: [0x80]), bytes.count > 2, bytes.pointer[1] <= 5 {
    throw bytes.unsupported(
      "it is a bare pickle, as PyTorch wrote before 1.6, not a zip archive",
      "load it in PyTorch and save it again with torch.save")
  }
  if bytes.starts(with: [0x89, 0x48, 0x44, 0x46]) {
    throw bytes.unsupported("it is an HDF5 file (Keras)", advice)
  }
  if SafetensorsFile.isBegun(by: bytes) { return try SafetensorsFile(bytes) }
  if ONNXFile.isBegun(by: bytes) { return try ONNXFile(bytes) }
  throw bytes.unsupported("its first bytes are those of no format that is read", advice)
}

private let advice = "give a .pt, .safetensors, .npz, .onnx or .tflite file"

/// A zip archive holds PyTorch's pickle or NumPy's arrays.
private func archiveSource(_ bytes: Bytes) throws(WeightFileError) -> any WeightSource {
  let archive = try ZipArchive(bytes)
  func holds(_ name: String) -> Bool {
    archive.entries.contains { $0.name == name || $0.name.hasSuffix("/" + name) }
  }
  if holds("constants.pkl") {
    throw bytes.unsupported(
      "it is TorchScript: a program with its weights",
      "give the checkpoint that it was exported from (.pt, .safetensors or .onnx)")
  }
  if holds("data.pkl") { return try TorchFile(bytes, archive) }
  if archive.entries.contains(where: { $0.name.hasSuffix(".npy") }) {
    return try NumpyFile(bytes, archive)
  }
  throw bytes.unsupported(
    "it is a zip archive with neither PyTorch's data.pkl nor NumPy's arrays in it", advice)
}

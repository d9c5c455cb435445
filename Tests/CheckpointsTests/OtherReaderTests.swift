import Checkpoints
import Foundation
import Tensors
import Testing

/// A Python with numpy and zstandard: the one that `EDGEWISE_PYTHON` names, else the package's `.venv`.
private enum Python {
  static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  static let path: String? = {
    let path =
      ProcessInfo.processInfo.environment["EDGEWISE_PYTHON"]
      ?? root.appending(path: ".venv/bin/python").path
    guard FileManager.default.isExecutableFile(atPath: path) else { return nil }
    return run(path, ["-c", "import numpy, zstandard"]).status == 0 ? path : nil
  }()

  static func run(_ program: String, _ arguments: [String]) -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    guard (try? process.run()) != nil else { return (127, "") }
    let output = (try? pipe.fileHandleForReading.readToEnd()) ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }
}

/// What other programs make of our files.
@Suite(
  .enabled(if: Python.path != nil, "needs a Python with numpy and zstandard: scripts/check-python"))
struct OtherReaderTests {
  /// Every type and encoding, and a tensor of several frames.
  private func contents() -> CheckpointContents {
    var contents = sampleContents()
    contents.tensors += DifferenceEncodingTests.contents(count: 200_000).tensors
    return contents.groupedByName()
  }

  @Test func `the reader in Python gives the same bytes`() throws {
    let run = try TemporaryFolder()
    let contents = contents()
    let path = try CheckpointWriter(runFolder: run.path).write(contents).path
    let file = run.path + "/tensors.bin"
    let script = Python.root.appending(path: "scripts/read_checkpoint.py").path
    let outcome = Python.run(Python.path!, [script, path, file])
    #expect(outcome.status == 0, "\(outcome.output)")
    let expected = contents.tensors.flatMap { $0.tensor.withBytes { Array($0) } }
    #expect(try bytes(file) == expected)
    #expect(outcome.output.contains("w ema float32 (200000,)"))
  }

  @Test func `numpy reads what is extracted as npz, and the safetensors layout is right`() throws {
    let run = try TemporaryFolder()
    let contents = contents()
    let path = try CheckpointWriter(runFolder: run.path).write(contents).path
    let reader = try CheckpointReader(path: path)
    let chosen = reader.manifest.tensors.filter { $0.dtype != .bfloat16 }
      .map { ExtractedTensor(name: "\($0.role)/\($0.name)", record: $0) }
    try reader.extract(chosen, as: .npz, to: run.path + "/t.npz")
    try reader.extract(chosen, as: .safetensors, to: run.path + "/t.safetensors")
    // The safetensors file is read by its description, so that the test needs no further package.
    let code = """
      import json, sys, numpy
      n = numpy.load(sys.argv[1])
      raw = open(sys.argv[2], "rb").read()
      size = int.from_bytes(raw[:8], "little")
      assert size % 8 == 0
      header = json.loads(raw[8:8 + size]); meta = header.pop("__metadata__")
      assert meta["step"] == "12" and set(header) == set(n.files), set(header) ^ set(n.files)
      types = dict(F32="f4", F64="f8", I8="i1", U8="u1", I32="i4", I64="i8")
      end = 0
      for name, entry in header.items():
          a, b = entry["data_offsets"]
          x = numpy.frombuffer(raw[8 + size + a:8 + size + b], types[entry["dtype"]])
          assert n[name].dtype == x.dtype and list(n[name].shape) == entry["shape"]
          assert n[name].tobytes() == x.tobytes(), name
          end = max(end, b)
      assert len(raw) == 8 + size + end
      print(len(n.files), n["ema/w"].tobytes().hex()[:32])
      """
    let outcome = Python.run(
      Python.path!, ["-c", code, run.path + "/t.npz", run.path + "/t.safetensors"])
    #expect(outcome.status == 0, "\(outcome.output)")
    let first = contents.tensor("w", role: .ema)!.withBytes { Array($0.prefix(16)) }
    let hex = first.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    #expect(outcome.output == "\(chosen.count) \(hex)\n")
    let all = reader.manifest.tensors.map {
      ExtractedTensor(name: "\($0.role)/\($0.name)", record: $0)
    }
    let error = #expect(throws: CheckpointError.self) {
      try reader.extract(all, as: .npz, to: run.path + "/u.npz")
    }
    #expect(error?.description.contains("bfloat16") == true)
    #expect(!(try names(run.path)).contains { $0.hasPrefix("u.npz") })
  }
}

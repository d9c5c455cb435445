import Checkpoints
import Foundation
import Tensors
import Testing

@Suite struct DamageTests {
  private func checkpoint() throws -> (run: TemporaryFolder, path: String) {
    let run = try TemporaryFolder()
    let contents = CheckpointContents(
      step: 3, epoch: 0, position: 3, recipe: ["lr": 0.01], metrics: ["mAP50-95": 0.5],
      tensors: [
        CheckpointTensor(name: "w", role: .parameter, tensor: noise([5, 7], .float32, seed: 1)),
        CheckpointTensor(name: "w", role: .momentum, tensor: Tensor(shape: [40])),
        CheckpointTensor(name: "i", role: .other, tensor: noise([9], .int8, seed: 2)),
        CheckpointTensor(name: "n", role: .other, tensor: noise([5], .int32, seed: 2)),
        CheckpointTensor(name: "v", role: .parameter, tensor: noise([520], .float32, seed: 3)),
        CheckpointTensor(name: "v", role: .ema, tensor: noise([520], .float32, seed: 3)),
      ])
    return (run, try CheckpointWriter(runFolder: run.path).write(contents).path)
  }

  /// Whether the checkpoint is refused; if it is read, it must be what was written.
  private func isRefused(_ path: String, original: CheckpointContents) -> Bool {
    do {
      let contents = try CheckpointReader(path: path).readAll()
      #expect(areBitwiseEqual(contents.tensors, original.tensors))
      #expect(contents.recipe == original.recipe && contents.metrics == original.metrics)
      #expect(contents.step == original.step && contents.writer == original.writer)
      return false
    } catch {
      return true
    }
  }

  @Test(arguments: ["manifest.json", "shard-000.zst"])
  func `every prefix is refused`(file: String) throws {
    let (run, path) = try checkpoint()
    defer { withExtendedLifetime(run) {} }
    let original = try CheckpointReader(path: path).readAll()
    let whole = try bytes(path + "/" + file)
    for count in 0..<whole.count {
      try replaceBytes(path + "/" + file, Array(whole.prefix(count)))
      #expect(isRefused(path, original: original), "\(count) bytes of \(file)")
    }
    try replaceBytes(path + "/" + file, whole + [0])
    #expect(isRefused(path, original: original))
  }

  @Test(arguments: ["manifest.json", "shard-000.zst"])
  func `a flipped bit in any byte is refused or changes nothing`(file: String) throws {
    let (run, path) = try checkpoint()
    defer { withExtendedLifetime(run) {} }
    let original = try CheckpointReader(path: path).readAll()
    let whole = try bytes(path + "/" + file)
    var passed = 0
    for index in whole.indices {
      var damaged = whole
      // Another bit for each byte, so that all eight are met.
      damaged[index] ^= 1 << UInt8((index &* 5 &+ index / 8) % 8)
      try replaceBytes(path + "/" + file, damaged)
      if !isRefused(path, original: original) { passed += 1 }
      #expect(verify(path: path).isWhole == !isRefused(path, original: original))
    }
    // zstd leaves one bit of a frame's header without a meaning.
    #expect(passed <= (file == "manifest.json" ? 0 : 6))
  }

  /// Writes a manifest that is changed by `change` and has a right checksum, and returns the
  /// sentence with which it is refused.
  private func refusal(_ change: (inout [String: JSONValue]) -> Void) throws -> String? {
    let (run, path) = try checkpoint()
    defer { withExtendedLifetime(run) {} }
    let file = path + "/manifest.json"
    var members = try #require(try JSONValue(parsing: bytes(file)).object)
    members["checksum"] = nil
    change(&members)
    try replaceBytes(file, ManifestFile.bytes(of: .object(members)))
    do {
      _ = try CheckpointReader(path: path).readAll()
      return nil
    } catch {
      #expect("\(error)".contains("manifest.json") || "\(error)".contains("shard-000.zst"))
      return "\(error)"
    }
  }

  /// Changes tensor `index` of a manifest.
  private func tensor(
    _ members: inout [String: JSONValue], _ index: Int, _ key: String, _ value: JSONValue
  ) {
    var tensors = members["tensors"]!.array!
    var one = tensors[index].object!
    one[key] = value
    tensors[index] = .object(one)
    members["tensors"] = .array(tensors)
  }

  /// Changes the only frame of tensor `index` of a manifest.
  private func frame(
    _ members: inout [String: JSONValue], _ index: Int, _ key: String, _ value: JSONValue
  ) {
    var one = members["tensors"]!.array![index]["frames"]!.array![0].object!
    one[key] = value
    tensor(&members, index, "frames", [.object(one)])
  }

  @Test func `an unchanged manifest passes`() throws {
    #expect(try refusal { _ in } == nil)
  }

  @Test func `another version is named`() throws {
    let sentence = try refusal { $0["version"] = 3 }
    #expect(sentence?.contains("format version 3") == true)
    #expect(sentence?.contains("reads versions up to 2") == true)
    #expect(try refusal { $0["format"] = "something" } != nil)
  }

  @Test func `names that lead out of the folder are refused`() throws {
    for name: JSONValue in ["../shard-000.zst", "/etc/passwd", "shard-000.zst/..", "", 3] {
      #expect(try refusal { tensor(&$0, 0, "shard", name) } != nil)
      #expect(try refusal { $0["shards"] = [["file": name, "length": 10]] } != nil)
    }
    #expect(try refusal { tensor(&$0, 0, "shard", "shard-001.zst") } != nil)
  }

  @Test func `shapes and types that do not fit the frames are refused`() throws {
    for shape: JSONValue in [
      [5, 8], [], [-5, -7], [5.5], "5", [.integer(.max), .integer(.max)], [.integer(.max)],
      [1_099_511_627_776], .array([JSONValue](repeating: 1, count: 40)),
    ] {
      #expect(try refusal { tensor(&$0, 0, "shape", shape) } != nil, "\(shape.lineText)")
    }
    #expect(try refusal { tensor(&$0, 0, "dtype", "float64") } != nil)
    #expect(try refusal { tensor(&$0, 0, "dtype", "float16") }?.contains("one of") == true)
    #expect(try refusal { tensor(&$0, 0, "frames", []) } != nil)
    // The same number of bytes, read as another type: only the encoding tells them apart.
    #expect(try refusal { tensor(&$0, 0, "encoding", "plain") }?.contains("XXH64") == true)
    #expect(try refusal { tensor(&$0, 2, "encoding", "planes") } != nil)
    #expect(try refusal { tensor(&$0, 0, "encoding", "zip") } != nil)
  }

  @Test func `frames that overlap, leave gaps, lie outside or are too large are refused`() throws {
    for value: JSONValue in [1, -1, .integer(.max), 1_099_511_627_776] {
      #expect(try refusal { frame(&$0, 0, "offset", value) } != nil)
    }
    #expect(
      try refusal { members in
        members["shards"] = [["file": "shard-000.zst", "length": 1_000_000_000]]
        frame(&members, 2, "length", 500_000_000)
      }?.contains("length") == true)
    for value: JSONValue in [0, 1, -1, .integer(.max), 1000] {
      #expect(try refusal { frame(&$0, 0, "length", value) } != nil)
      #expect(try refusal { frame(&$0, 0, "raw_length", value) } != nil)
    }
    #expect(try refusal { frame(&$0, 1, "offset", 0) }?.contains("inside another") == true)
    #expect(try refusal { frame(&$0, 0, "xxh64", "0123") } != nil)
    #expect(try refusal { frame(&$0, 0, "xxh64", "0000000000000000") }?.contains("XXH64") == true)
  }

  @Test func `a frame that holds more than it should is refused before memory is taken`() throws {
    // Frame and shape agree with each other, not with what zstd's header says.
    let sentence = try refusal { members in
      frame(&members, 1, "raw_length", 4_194_304)
      tensor(&members, 1, "shape", [1_048_576])
    }
    #expect(sentence?.contains("its header announces 160 bytes") == true)
  }

  @Test func `tensors that are given twice, have no name or steer a terminal are refused`() throws {
    #expect(try refusal { tensor(&$0, 1, "role", "parameter") } != nil)
    for name: JSONValue in ["", "\u{1B}[31m", .string(String(repeating: "x", count: 2000))] {
      #expect(try refusal { tensor(&$0, 0, "name", name) } != nil)
    }
  }

  @Test func `keys that are missing or of another kind are named`() throws {
    for key in [
      "step", "epoch", "position", "recipe", "graph", "metrics", "state", "libraries",
      "writer", "shards", "tensors", "format", "version",
    ] {
      #expect(try refusal { $0[key] = nil }?.contains("\"\(key)\"") == true)
    }
    for key in ["step", "epoch", "position", "metrics", "libraries", "writer", "shards"] {
      #expect(try refusal { $0[key] = "no" } != nil)
      #expect(try refusal { $0[key] = -1 } != nil)
    }
  }

  @Test func `differences to what does not fit are refused`() throws {
    #expect(try refusal { tensor(&$0, 5, "base", "parameter") } == nil)
    for base: JSONValue in ["momentum", "ema", "", 3, "bn"] {
      #expect(try refusal { tensor(&$0, 5, "base", base) } != nil, "\(base.lineText)")
    }
    #expect(try refusal { tensor(&$0, 0, "base", "momentum") }?.contains("no such key") == true)
    // Of another name, shape, or a difference itself.
    #expect(try refusal { tensor(&$0, 5, "name", "w") } != nil)
    #expect(try refusal { tensor(&$0, 4, "shape", [4, 130]) }?.contains("same shape") == true)
    #expect(
      try refusal { members in
        tensor(&members, 4, "encoding", "difference-planes")
        tensor(&members, 4, "base", "ema")
      }?.contains("no difference") == true)
    #expect(try refusal { tensor(&$0, 2, "encoding", "float-planes") } != nil)
  }

  @Test func `checkpoints of version 1 are read`() throws {
    let (run, path) = try checkpoint()
    defer { withExtendedLifetime(run) {} }
    // Version 1 had the encodings plain and planes alone.
    let reader = try CheckpointReader(path: path)
    let (bytesOfI, n) = (try reader.read("i", role: .other), try reader.read("n", role: .other))
    let old = try TemporaryFolder()
    let contents = CheckpointContents(
      step: 3, epoch: 0, position: 3,
      tensors: [
        CheckpointTensor(name: "i", role: .other, tensor: bytesOfI),
        CheckpointTensor(name: "n", role: .other, tensor: n),
      ])
    let written = try CheckpointWriter(runFolder: old.path).write(contents).path
    let file = written + "/manifest.json"
    var members = try #require(try JSONValue(parsing: bytes(file)).object)
    members["checksum"] = nil
    members["version"] = 1
    try replaceBytes(file, ManifestFile.bytes(of: .object(members)))
    #expect(areBitwiseEqual(try CheckpointReader(path: written).readTensors(), contents.tensors))
  }

  @Test func `the reader's limits hold`() throws {
    let (run, path) = try checkpoint()
    defer { withExtendedLifetime(run) {} }
    for change: (inout CheckpointLimits) -> Void in [
      { $0.manifestByteCount = 100 }, { $0.tensorCount = 2 }, { $0.tensorByteCount = 150 },
      { $0.rawByteCount = 300 },
    ] {
      var limits = CheckpointLimits()
      change(&limits)
      let error = #expect(throws: CheckpointError.self) {
        try CheckpointReader(path: path, limits: limits)
      }
      #expect(error?.description.contains("limit") == true)
    }
  }

  @Test func `verification names every damaged tensor`() throws {
    let (run, path) = try checkpoint()
    defer { withExtendedLifetime(run) {} }
    let shard = path + "/shard-000.zst"
    var damaged = try bytes(shard)
    damaged[20] ^= 1
    damaged[damaged.count - 1] ^= 1
    try replaceBytes(shard, damaged)
    let report = verify(path: path)
    #expect(report.problems.count == 2)
    #expect(report.problems[0].contains("w (parameter)"))
    #expect(report.problems[1].contains("v (ema)"))
    #expect(report.text.contains("2 problems"))
  }
}

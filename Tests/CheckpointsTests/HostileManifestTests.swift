import Checkpoints
import Foundation
import Tensors
import Testing

/// Manifests with a right checksum that no run has written.
@Suite struct HostileManifestTests {
  let run: TemporaryFolder
  let path: String

  init() throws {
    run = try TemporaryFolder()
    path = try CheckpointWriter(runFolder: run.path).write(sampleContents()).path
  }

  /// Puts other text for a part of the manifest; the checksum is right again.
  private func change(_ old: String, to new: String) throws {
    let file = path + "/manifest.json"
    let text = String(decoding: try bytes(file)[36...], as: UTF8.self)
    let changed = text.replacing(old, with: new, maxReplacements: 1)
    #expect(changed != text)
    try replaceBytes(file, ManifestFile.bytes(ofText: Array(changed.utf8)))
  }

  private func refusal() -> String {
    #expect(throws: CheckpointError.self) { try CheckpointReader(path: path) }?.description ?? ""
  }

  @Test(arguments: ["step\": 12", "epoch\": 2", "position\": 3", "world_size\": 2"])
  func `a counter beyond any run is refused by its name`(_ member: String) throws {
    let key = member.prefix { $0 != "\"" }
    for value in ["9223372036854775807", "-1", "281474976710657", "1e300", "18446744073709551616"] {
      try change(member, to: "\(key)\": \(value)")
      let sentence = refusal()
      #expect(sentence.contains(key) || sentence.contains("64 bits"), "\(sentence)")
      #expect(!verify(path: path).isWhole)
      let listed = try #require(try CheckpointStore(runFolder: run.path).list().first)
      #expect(!listed.isComplete)
      try change("\(key)\": \(value)", to: member)
    }
  }

  @Test func `a manifest of too many bytes is refused before it is read`() throws {
    let file = path + "/manifest.json"
    #expect(truncate(file, 120 << 20) == 0)
    #expect(refusal() == "\(file) is refused: 120.0 MiB, the limit is 16.0 MiB")
  }

  @Test func `a manifest of too many values is refused`() throws {
    let values = "[" + String(repeating: "0,", count: JSONValue.maximumCount) + "0]"
    try change("\"state\": {", to: "\"state\": {\"x\": \(values), ")
    #expect(refusal().contains("more than 1048576 values"))
  }

  @Test func `a number of too many digits is refused`() throws {
    try change("\"loss\": 1.25", to: "\"loss\": 1.\(String(repeating: "5", count: 2000))")
    #expect(refusal().contains("a number of more than 1024 characters"))
  }

  @Test func `tensors that take far more memory than their files are refused`() throws {
    let zeros = CheckpointTensor(
      name: "zeros", role: .parameter, tensor: Tensor(shape: [1 << 20], dtype: .float32))
    let run = try TemporaryFolder()
    let contents = CheckpointContents(step: 1, epoch: 0, position: 0, tensors: [zeros])
    let path = try CheckpointWriter(runFolder: run.path).write(contents).path
    var limits = CheckpointLimits()
    #expect(throws: Never.self) { try CheckpointReader(path: path, limits: limits) }
    limits.smallRawByteCount = 1 << 20
    let error = #expect(throws: CheckpointError.self) {
      try CheckpointReader(path: path, limits: limits)
    }
    #expect(error?.description.contains("is refused: 4.0 MiB of tensors in") == true)
    #expect(error?.description.contains("64 times as much and 1.0 MiB") == true)
  }

  @Test func `what a reader would refuse is not written`() throws {
    let zeros = (0..<2).map {
      CheckpointTensor(
        name: "zeros \($0)", role: .parameter, tensor: Tensor(shape: [33 << 20], dtype: .int8))
    }
    let run = try TemporaryFolder()
    let error = #expect(throws: CheckpointError.self) {
      try CheckpointWriter(runFolder: run.path).write(
        CheckpointContents(step: 1, epoch: 0, position: 0, tensors: zeros))
    }
    #expect(error?.description.contains("66.0 MiB of tensors") == true)
    #expect(try CheckpointStore(runFolder: run.path).list().isEmpty)
  }

  @Test func `shard files without end do not overflow the list's sum`() throws {
    let text = String(decoding: try bytes(path + "/manifest.json")[36...], as: UTF8.self)
    let length = try #require(text.firstMatch(of: /"length": (\d+)/)).output.1
    let huge = 1 << 40
    try #require(truncate(path + "/shard-000.zst", huge) == 0)
    try change("\"length\": \(length)", to: "\"length\": \(huge)")
    let listed = try #require(try CheckpointStore(runFolder: run.path).list().first)
    #expect(listed.problem?.contains("256.0 GiB of shard files") == true)
  }

  @Test func `a checkpoint that is whole but unusable is passed over with its reason`() throws {
    try CheckpointWriter(runFolder: run.path).write(sampleContents(step: 20))
    let found = try CheckpointStore(runFolder: run.path).newestVerified {
      $0.step == 20 ? "it is of no use" : nil
    }
    #expect(found?.reader.manifest.step == 12)
    #expect(found?.skipped.map(\.reason) == ["it is of no use"])
  }
}

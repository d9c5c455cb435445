import Checkpoints
import Foundation
import Tensors
import Testing

/// Files that are not what they seem: links, pipes, devices, names that are no text.
@Suite struct StrangeFileTests {
  let run: TemporaryFolder
  init() throws { run = try TemporaryFolder() }

  private func refusal() -> String {
    #expect(throws: CheckpointError.self) { try RunLock(runFolder: run.path) }?.description ?? ""
  }

  @Test func `a lock that is a link leaves its target alone`() throws {
    let target = run.path + "/precious"
    try replaceBytes(target, Array("precious".utf8))
    try FileManager.default.createSymbolicLink(
      atPath: run.path + "/.lock", withDestinationPath: target)
    #expect(
      refusal() == "cannot lock \(run.path)/.lock: it is a symbolic link; move it away")
    #expect(try bytes(target) == Array("precious".utf8))
  }

  @Test func `a lock that is another file, a pipe or a folder is refused and left as it is`() throws
  {
    let lock = run.path + "/.lock"
    try replaceBytes(lock, Array("precious".utf8))
    #expect(refusal().contains("it is no file of this program"))
    #expect(try bytes(lock) == Array("precious".utf8))
    unlink(lock)
    try #require(mkfifo(lock, 0o600) == 0)
    #expect(refusal().contains("it is not a regular file"))
    unlink(lock)
    try FileManager.default.createDirectory(atPath: lock, withIntermediateDirectories: false)
    #expect(refusal().contains(lock))
  }

  @Test func `a lock of a run before is taken over and never cut off`() throws {
    let lock = run.path + "/.lock"
    try replaceBytes(lock, Array("process 123456789 on a-host-with-a-long-name\n".utf8))
    let held = try RunLock(runFolder: run.path)
    let text = String(decoding: try bytes(lock), as: UTF8.self)
    #expect(text.hasPrefix("process \(getpid()) on ") && text.utf8.count == 200)
    #expect(!text.contains("123456789"))
    #expect(refusal().contains("is in use by process \(getpid()) on "))
    withExtendedLifetime(held) {}
  }

  @Test func `a manifest or shard file that is a pipe or a device is refused at once`() throws {
    let path = try CheckpointWriter(runFolder: run.path).write(sampleContents()).path
    for name in ["manifest.json", "shard-000.zst"] {
      let file = "\(path)/\(name)"
      let saved = try bytes(file)
      unlink(file)
      try #require(mkfifo(file, 0o600) == 0)
      #expect(!verify(path: path).isWhole)
      unlink(file)
      try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: "/dev/zero")
      #expect(verify(path: path).problems.first?.contains("it is not a regular file") == true)
      unlink(file)
      try replaceBytes(file, saved)
    }
    #expect(verify(path: path).isWhole)
  }

  @Test func `leftovers whose names are no text are removed`() throws {
    let store = CheckpointStore(runFolder: run.path)
    try CheckpointWriter(runFolder: run.path).write(sampleContents())
    let folder = store.folder + "/.tmp-step-00000099"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    let name: [CChar] = folder.utf8CString.dropLast() + [0x2F, CChar(bitPattern: 0xFF), 0x41, 0]
    let file = try #require(fopen(name, "w"))
    fclose(file)
    try store.removeLeftovers()
    #expect(try names(store.folder) == ["step-00000012"])
  }

  @Test func `an archive's names do not lead out of its folder, and none stands twice`() throws {
    func contents(_ tensors: [(String, TensorRole)]) -> CheckpointContents {
      CheckpointContents(
        step: 1, epoch: 0, position: 0,
        tensors: tensors.map {
          CheckpointTensor(name: $0.0, role: $0.1, tensor: Tensor([Float(1)], shape: [1]))
        })
    }
    let odd = ["../x", "/x", "a/../../x", "a//x", "a\\..\\x", "."]
    let path = try CheckpointWriter(runFolder: run.path).write(
      contents(odd.map { ($0, .parameter) } + [("__metadata__", .parameter), ("x", .bn)])
    ).path
    let reader = try CheckpointReader(path: path)
    let output = run.path + "/out"
    func refusal(_ names: [String], _ format: ExtractionFormat) -> String? {
      let chosen = reader.manifest.tensors.filter { names.contains($0.name) }
        .map { ExtractedTensor(name: $0.name, record: $0) }
      let error = #expect(throws: CheckpointError.self) {
        try reader.extract(chosen, as: format, to: output)
      }
      return error?.description
    }
    for name in odd {
      #expect(refusal([name], .npz)?.contains("\"\(name)\" would lead out of") == true)
    }
    #expect(refusal(["__metadata__"], .safetensors)?.contains("stands for two things") == true)
    let twice = try ["x", "../x"].map { name in
      ExtractedTensor(
        name: "x", record: try #require(reader.manifest.tensors.first { $0.name == name }))
    }
    #expect(throws: CheckpointError.self) { try reader.extract(twice, as: .npz, to: output) }
    #expect(!FileManager.default.fileExists(atPath: output))
  }
}

import Checkpoints
import Foundation
import Tensors
import Testing

/// Random damage of a fixed seed; `scripts/fuzz-readers` goes on where this ends.
@Suite struct MutationTests {
  private let limits: CheckpointLimits = {
    var limits = CheckpointLimits()
    limits.tensorByteCount = 1 << 20
    limits.rawByteCount = 4 << 20
    return limits
  }()

  /// Changes, cuts, repeats or splices bytes; digits and brackets more often than anything else.
  private func mutated(_ bytes: [UInt8], _ random: inout Philox) -> [UInt8] {
    var result = bytes
    let tokens = [
      "9", "-", "[", "{", "]", "}", "\"", "e9", ".", "null", "\\u0000", "../",
      "18446744073709551616",
    ]
    for _ in 0..<1 + random.integer(below: 3) where !result.isEmpty {
      let place = random.integer(below: result.count)
      switch random.integer(below: 5) {
      case 0: result[place] ^= 1 << UInt8(random.integer(below: 8))
      case 1: result[place] = UInt8(random.integer(below: 256))
      case 2:
        let end = min(place + 1 + random.integer(below: 40), result.count)
        result.removeSubrange(place..<end)
      case 3:
        let end = min(place + 1 + random.integer(below: 40), result.count)
        result.insert(contentsOf: result[place..<end], at: random.integer(below: result.count))
      default:
        result.insert(contentsOf: tokens[random.integer(below: tokens.count)].utf8, at: place)
      }
    }
    return result
  }

  @Test func `a mutated manifest with a right checksum is read or refused, and nothing else`()
    throws
  {
    let run = try TemporaryFolder()
    let path = try CheckpointWriter(runFolder: run.path).write(
      DifferenceEncodingTests.contents(count: 50)
    ).path
    let file = path + "/manifest.json"
    let text = Array(try bytes(file)[36...])
    var random = Philox(seed: 11)
    var refused = 0
    for _ in 0..<2000 {
      try replaceBytes(file, ManifestFile.bytes(ofText: mutated(text, &random)))
      do {
        let reader = try CheckpointReader(path: path, limits: limits, threads: 1)
        _ = try reader.readAll()
        _ = try reader.description(withStatistics: true, withHistograms: true).text
      } catch {
        #expect(!error.description.isEmpty)
        refused += 1
      }
    }
    #expect(refused > 1000)
  }

  @Test func `a mutated shard file is refused or gives the same tensors`() throws {
    let run = try TemporaryFolder()
    let contents = DifferenceEncodingTests.contents(count: 50).groupedByName()
    let path = try CheckpointWriter(runFolder: run.path).write(contents).path
    let file = path + "/shard-000.zst"
    let whole = try bytes(file)
    var random = Philox(seed: 12)
    for _ in 0..<1000 {
      try replaceBytes(file, mutated(whole, &random))
      if let read = try? CheckpointReader(path: path, limits: limits, threads: 1).readTensors() {
        #expect(areBitwiseEqual(read, contents.tensors))
      }
    }
  }

  @Test func `deep nesting is refused at any place of the manifest`() throws {
    let run = try TemporaryFolder()
    let path = try CheckpointWriter(runFolder: run.path).write(sampleContents()).path
    let file = path + "/manifest.json"
    let text = String(decoding: try bytes(file)[36...], as: UTF8.self)
    for depth in [200, 1_000_000] {
      for key in ["recipe", "graph", "state", "tensors"] {
        let deep = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        let changed = text.replacing(
          "\"\(key)\": ", with: "\"\(key)\": \(deep), \"x\": ", maxReplacements: 1)
        #expect(changed != text)
        try replaceBytes(file, ManifestFile.bytes(ofText: Array(changed.utf8)))
        let error = #expect(throws: CheckpointError.self) { try CheckpointReader(path: path) }
        #expect(error?.description.contains("nested deeper") == true)
      }
    }
  }
}

import Datasets
import Foundation
import Images
import Tensors
import Testing

@Suite struct BatchLoaderTests {
  private func requests(_ order: EpochOrder) -> [BatchRequest] {
    BatchRequest.training(
      order: order, epoch: 2, steps: 0..<6, shards: 0..<2, globalBatch: 4, shardCount: 2,
      augmentation: AugmentationSettings())
  }

  private func all(_ loader: BatchLoader) throws -> [Batch] {
    var batches: [Batch] = []
    while let batch = try loader.next() { batches.append(batch) }
    return batches
  }

  @Test func `Any number of threads gives the same batches in the order asked`() throws {
    let fixture = try ScenesFixture()
    let requests = requests(EpochOrder(seed: 7, epoch: 2, sampleCount: 4))
    #expect(requests.count == 12)
    let cache = PictureCache(samples: fixture.samples, size: 96)
    let plain = try all(BatchLoader(cache, seed: 7, requests: requests, threads: 0))
    #expect(plain.map(\.sampleIndices) == requests.map(\.sampleIndices))
    for threads in 1...3 {
      let fresh = PictureCache(samples: fixture.samples, size: 96)
      let loader = BatchLoader(fresh, seed: 7, requests: requests, threads: threads, depth: 2)
      let batches = try all(loader)
      #expect(batches.count == 12)
      for (a, b) in zip(plain, batches) {
        #expect(a.images.shape == [2, 96, 96, 3])
        #expect(a.images.isBitwiseEqual(to: b.images))
        #expect(a.boxes == b.boxes && a.sampleIndices == b.sampleIndices)
      }
      #expect(try loader.next() == nil)
    }
  }

  @Test func `Validation letterboxes every picture once, in order`() throws {
    let fixture = try ScenesFixture(scale: 2)
    let cache = PictureCache(samples: fixture.samples, size: 160)
    let loader = BatchLoader(
      cache, seed: 0, requests: BatchRequest.validation(sampleCount: 4, batch: 3))
    let batches = try all(loader)
    #expect(batches.map(\.sampleIndices) == [[0, 1, 2], [3]])
    #expect(batches[0].boxes[0] == [LabeledBox(classIndex: 0, corners: [40, 50, 120, 110])])
    let letterbox = batches[1].letterboxes[0]
    let back = letterbox.toOriginal(batches[1].boxes[0][0].corners)
    for k in 0..<4 { #expect(abs(back[k] - fixture.samples[3].boxes[0].corners[k]) < 1e-3) }
    let expected = try ImageFile.decode(fixture.samples[3].imagePath).letterboxed(to: 160).image
    let isEqual = batches[1].images.values(as: UInt8.self) == expected.pixels
    #expect(isEqual)
  }

  @Test func `An error comes out in its turn and the others still come`() throws {
    let fixture = try ScenesFixture()
    var samples = fixture.samples
    samples[1].imagePath = fixture.folder.path("gone.png")
    let cache = PictureCache(samples: samples, size: 64)
    let requests = (0..<4).map { BatchRequest(sampleIndices: [$0]) }
    let loader = BatchLoader(cache, seed: 0, requests: requests, threads: 2)
    #expect(try loader.next()?.sampleIndices == [0])
    #expect { try loader.next() } throws: { "\($0)".contains("gone.png") }
    #expect(try loader.next()?.sampleIndices == [2])
    #expect(try loader.next()?.sampleIndices == [3])
    #expect(try loader.next() == nil)
  }

  @Test func `A loader that is dropped in the middle ends its threads`() throws {
    let fixture = try ScenesFixture()
    weak var cache: PictureCache?
    do {
      let strong = PictureCache(samples: fixture.samples, size: 64)
      cache = strong
      let requests = (0..<200).map { BatchRequest(sampleIndices: [$0 % 4]) }
      let loader = BatchLoader(strong, seed: 0, requests: requests, threads: 2, depth: 2)
      _ = try loader.next()
    }
    // The threads held the cache; the system may take a moment to free what ended threads held.
    for _ in 0..<200 where cache != nil { Thread.sleep(forTimeInterval: 0.01) }
    #expect(cache == nil)
  }
}

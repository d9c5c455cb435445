public import Datasets
import Images
import Tensors

/// How fast training pictures are made, and where the time goes.
public struct LoadBenchmark: Sendable {
  /// Pictures per second of one way of loading.
  public struct Throughput: Hashable, Sendable {
    /// Every training picture is made of four, or none is.
    public var isMosaic: Bool
    /// Decoded pictures are kept, or each is decoded anew.
    public var isCached: Bool
    public var threads: Int
    public var picturesPerSecond: Double

    public var perThread: Double { picturesPerSecond / Double(threads) }
  }

  /// Seconds of one thread.
  public struct Stages: Hashable, Sendable {
    /// Reading and decoding one picture file.
    public var decode: Double
    /// Bringing a decoded picture to the training size.
    public var fit: Double
    /// Scaling, moving and flipping one training picture from one picture, and from four.
    public var drawSingle, drawMosaic: Double
    /// Changing the colours of one training picture.
    public var color: Double

    /// The named parts of the time for one training picture; their sum is 1.
    public func parts(isMosaic: Bool, isCached: Bool) -> [(name: String, part: Double)] {
      let sources = isCached ? 0.0 : isMosaic ? 4 : 1
      let all = [
        ("decode", sources * decode), ("fit", sources * fit),
        ("draw", isMosaic ? drawMosaic : drawSingle), ("color", color),
      ]
      let sum = all.reduce(0) { $0 + $1.1 }
      return all.map { ($0.0, sum > 0 ? $0.1 / sum : 0) }
    }
  }

  public var throughputs: [Throughput]
  public var stages: Stages

  /// - Parameters:
  ///   - samples: each way of loading makes as many pictures; with kept ones 512 at least.
  ///   - size: side of the square training picture.
  ///   - settings: how pictures are varied; its `mosaic` is replaced by both, always and never.
  ///   - threads: the numbers of loading threads to try.
  public init(
    samples: [Sample], size: Int, settings: AugmentationSettings, batchSize: Int, threads: [Int],
    seed: UInt64 = 1
  ) throws(DataError) {
    precondition(!samples.isEmpty && batchSize > 0, "\(samples.count) pictures by \(batchSize)")
    let cold = PictureCache(samples: samples, size: size, byteBudget: 0)
    let warm = PictureCache(samples: samples, size: size, byteBudget: .max)
    for index in samples.indices { _ = try warm.picture(index) }
    stages = try Self.stages(samples, cold, warm, settings, seed: seed)

    let order = EpochOrder(seed: seed, epoch: 0, sampleCount: samples.count)
    throughputs = []
    for isCached in [false, true] {
      // Kept pictures are quick: enough of them to see the threads at work. The order begins anew.
      let steps = EpochOrder.stepCount(
        sampleCount: isCached ? max(samples.count, 512) : samples.count, globalBatch: batchSize)
      for isMosaic in [true, false] {
        var settings = settings
        settings.mosaic = isMosaic ? 1 : 0
        let requests = BatchRequest.training(
          order: order, epoch: 0, steps: 0..<steps, shards: 0..<1, globalBatch: batchSize,
          shardCount: 1, augmentation: settings)
        for threads in threads {
          let start = monotonicSeconds()
          let loader = BatchLoader(
            isCached ? warm : cold, seed: seed, requests: requests, threads: threads)
          while try loader.next() != nil {}
          throughputs.append(
            Throughput(
              isMosaic: isMosaic, isCached: isCached, threads: threads,
              picturesPerSecond: Double(steps * batchSize) / (monotonicSeconds() - start)))
        }
      }
    }
  }

  private static func stages(
    _ samples: [Sample], _ cold: PictureCache, _ warm: PictureCache,
    _ settings: AugmentationSettings, seed: UInt64
  ) throws(DataError) -> Stages {
    /// Seconds per picture of `body` over all samples.
    func mean(_ body: (Int) throws(DataError) -> Void) throws(DataError) -> Double {
      let start = monotonicSeconds()
      for index in samples.indices { try body(index) }
      return (monotonicSeconds() - start) / Double(samples.count)
    }
    func augmenting(isMosaic: Bool, isColored: Bool) throws(DataError) -> Double {
      var settings = settings
      settings.mosaic = isMosaic ? 1 : 0
      if !isColored { (settings.hue, settings.saturation, settings.value) = (0, 0, 0) }
      return try mean { (index) throws(DataError) in
        _ = try warm.augmented(index, seed: seed, epoch: 0, settings: settings)
      }
    }
    let decode = try mean { (index) throws(DataError) in
      do throws(ImageError) {
        _ = try ImageFile.decodeWithScale(samples[index].imagePath, atLeast: cold.size)
      } catch {
        throw .badPicture(error)
      }
    }
    let load = try mean { (index) throws(DataError) in _ = try cold.picture(index) }
    let single = try augmenting(isMosaic: false, isColored: false)
    let colored = try augmenting(isMosaic: false, isColored: true)
    // Differences of two measurements: noise may make a small one negative.
    return Stages(
      decode: decode, fit: max(load - decode, 0), drawSingle: single,
      drawMosaic: try augmenting(isMosaic: true, isColored: false),
      color: max(colored - single, 0))
  }
}

import Datasets
import Images
import Tensors

/// The pictures that a calibration looks at: the first ones of the training split, as they are.
///
/// They come in global batches, cut into shards like those of training, so that what is seen does not
/// depend on the number of ranks. The last batch is filled up from the first picture on.
struct CalibrationPictures {
  let count: Int
  let batchCount: Int
  private let cache: PictureCache
  private let batchSize, shardSize: Int
  private let loaderThreads: Int

  /// - Throws: `CalibrationError.noPictures`.
  init(_ cache: PictureCache, count: Int, _ recipe: Recipe) throws(CalibrationError) {
    self.cache = cache
    self.count = min(count, cache.samples.count)
    guard self.count > 0 else { throw .noPictures }
    batchSize = recipe.batch.size
    shardSize = recipe.batch.shardSize
    loaderThreads = recipe.system.loaderThreads
    batchCount = (self.count + batchSize - 1) / batchSize
  }

  /// The batches of these shards: batch by batch, in each shard by shard.
  func loader(shards: Range<Int>) -> BatchLoader {
    BatchLoader(
      cache, seed: 0,
      requests: (0..<batchCount).flatMap { batch in
        shards.map { shard in
          let first = batch * batchSize + shard * shardSize
          return BatchRequest(sampleIndices: (first..<first + shardSize).map { $0 % count })
        }
      }, threads: loaderThreads)
  }
}

extension Batch {
  /// How many of its pictures show more than one colour.
  var variedCount: Int {
    let (H, W) = (images.shape[1], images.shape[2])
    return images.withElements(as: UInt8.self) { pixels in
      letterboxes.indices.count { index in
        let box = letterboxes[index]
        let (left, top) = (Int(box.padX), Int(box.padY))
        let size = box.contentSize
        let first = ((index * H + top) * W + left) * 3
        for y in 0..<size.height {
          for x in 0..<size.width {
            for c in 0..<3 where pixels[first + (y * W + x) * 3 + c] != pixels[first + c] {
              return true
            }
          }
        }
        return false
      }
    }
  }
}

import Tensors

extension PictureCache {
  /// Makes the batch of `request`: uint8 `[N, size, size, 3]` and the boxes.
  public func batch(_ request: BatchRequest, seed: UInt64) throws(DataError) -> Batch {
    let N = request.sampleIndices.count
    var batch = Batch(
      images: Tensor(shape: [N, size, size, 3], dtype: .uint8), boxes: [],
      sampleIndices: request.sampleIndices, letterboxes: [])
    batch.boxes.reserveCapacity(N)
    batch.letterboxes.reserveCapacity(N)
    var scratch = TileScratch()
    let imageByteCount = size * size * 3
    for (n, index) in request.sampleIndices.enumerated() {
      let picture = try picture(index)
      batch.letterboxes.append(picture.letterbox)
      let boxes = batch.images.withMutableElements(as: UInt8.self) { elements in
        let target = elements.baseAddress! + n * imageByteCount
        target.update(repeating: paddingGray, count: imageByteCount)
        return Result { () throws(DataError) in
          if let augmentation = request.augmentation {
            return try augment(
              index, seed: seed, epoch: request.epoch, settings: augmentation, into: target,
              scratch: &scratch)
          }
          picture.image.place(at: picture.letterbox, size: size, into: target)
          return picture.boxesInInput
        }
      }
      batch.boxes.append(try boxes.get())
    }
    return batch
  }
}

extension FittedPicture {
  /// The boxes in pixels of the padded square.
  var boxesInInput: [LabeledBox] {
    let pad = SIMD4(letterbox.padX, letterbox.padY, letterbox.padX, letterbox.padY)
    return boxes.map { LabeledBox(classIndex: $0.classIndex, corners: $0.corners + pad) }
  }
}

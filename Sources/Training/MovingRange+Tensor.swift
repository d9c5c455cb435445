import Quantization
import Tensors

extension MovingRange {
  /// A range as a checkpoint holds it, under the name of its site: low, high, batch count.
  var tensor: Tensor { Tensor([low, high, Float(batchCount)], shape: [3]) }

  /// Reads what `tensor` gave.
  ///
  /// - Parameters:
  ///   - site: its name, for the error.
  ///   - path: the checkpoint, for the error.
  init(_ tensor: Tensor, site: String, path: String) throws(TrainingError) {
    guard tensor.shape == [3], tensor.dtype == .float32 else {
      throw .unusableCheckpoint(
        path: path,
        reason:
          "the range of site \(site) is \(tensor.dtype) \(tensor.shape), expected float32 [3]: low, high, batch count"
      )
    }
    let values = tensor.values(as: Float.self)
    guard values[0].isFinite, values[1].isFinite, values[0] <= values[1], values[2] >= 1,
      values[2] < 1e9
    else {
      throw .unusableCheckpoint(
        path: path,
        reason:
          "the range of site \(site) is \(values[0]) ... \(values[1]) after \(values[2]) batches, expected two finite numbers, the smaller first, of at least one batch; take an earlier checkpoint, or calibrate the float one again"
      )
    }
    // bounded: 1 to 10⁹, just checked
    self.init(low: values[0], high: values[1], batchCount: Int(values[2]))
  }
}

public import Quantization

/// Why a float model cannot be quantized as it is. Each description is one sentence for the user.
public enum CalibrationError: Error, Hashable, Sendable, CustomStringConvertible {
  case noPictures
  /// No picture shows anything.
  case constantPictures(count: Int)
  /// A site for which no range can be chosen.
  case site(String, RangeError)
  /// A number of the network that is NaN or infinite: no grid has a scale for it.
  case unusableNumber(Float, parameter: String, channel: Int)
  /// A method that the network's operations do not allow.
  case unsuited(String)

  public var description: String {
    switch self {
    case .noPictures:
      "calibration needs pictures and the training split has none; give the data with --set data.root=PATH"
    case .constantPictures(let count):
      "all \(count) calibration pictures are of one colour each, so no range can be learned from them; give pictures as the device will see them"
    case .site(let name, let error): "site \(name) \(error)"
    case .unusableNumber(let value, let parameter, let channel):
      "\(parameter) holds \(value) in channel \(channel), so its grid would have no scale; take an earlier checkpoint"
    case .unsuited(let reason): reason
    }
  }
}

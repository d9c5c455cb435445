/// The scales of YOLOv8: how deep and how wide the network is.
///
/// *Source:* the published model table of Ultralytics YOLOv8 (depth, width, maximum channels).
public enum YOLOv8Size: String, Hashable, Sendable, Codable, CaseIterable {
  case n, s, m, l, x

  /// Factor on the number of bottlenecks.
  var depth: Double {
    switch self {
    case .n, .s: 1.0 / 3
    case .m: 2.0 / 3
    case .l, .x: 1
    }
  }

  /// Factor on the number of channels.
  var width: Double {
    switch self {
    case .n: 0.25
    case .s: 0.5
    case .m: 0.75
    case .l: 1
    case .x: 1.25
    }
  }

  /// Channels before scaling are at most this.
  var channelLimit: Int {
    switch self {
    case .n, .s: 1024
    case .m: 768
    case .l, .x: 512
    }
  }

  /// `channels` scaled, rounded up to a multiple of 8.
  func channels(_ channels: Int) -> Int {
    let scaled = Double(min(channels, channelLimit)) * width
    return Int((scaled / 8).rounded(.up)) * 8
  }

  func repeats(_ count: Int) -> Int { max(Int((Double(count) * depth).rounded()), 1) }
}

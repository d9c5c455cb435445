public import Tensors

/// One zstd frame: a run of consecutive elements of one tensor.
public struct FrameRecord: Hashable, Sendable {
  /// Where the frame starts in its shard file, and its length there, in bytes.
  public var offset: Int
  public var length: Int
  /// Bytes of the tensor it holds.
  public var rawLength: Int
  /// XXH64, seed 0, of these bytes as they lie in memory (before encoding).
  public var xxh64: UInt64
}

/// Where a tensor lies in the shard files.
public struct TensorRecord: Hashable, Sendable {
  public var name: String
  public var role: TensorRole
  public var dtype: DType
  public var shape: Shape
  /// Index into the manifest's shards.
  public var shard: Int
  public var encoding: TensorEncoding
  /// For `.differencePlanes`: the role of the tensor of the same name, shape, type and shard file
  /// whose frames cover the same runs of elements. It has no base itself.
  public var base: TensorRole?
  /// In the order of the elements.
  public var frames: [FrameRecord]

  /// Bytes of the tensor in memory.
  public var rawByteCount: Int { frames.reduce(0) { $0 + $1.rawLength } }
  /// Bytes of the tensor on disk.
  public var storedByteCount: Int { frames.reduce(0) { $0 + $1.length } }

  var key: TensorKey { TensorKey(name: name, role: role) }
}

/// Name and role: what identifies a tensor in a checkpoint.
public struct TensorKey: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
  public var name: String
  public var role: TensorRole

  public static func < (a: TensorKey, b: TensorKey) -> Bool {
    (a.name, a.role) < (b.name, b.role)
  }

  public var description: String { "\(name) (\(role))" }
}

/// A shard file: zstd frames one after another, without gaps.
public struct ShardRecord: Hashable, Sendable {
  public var byteCount: Int
}

/// What `manifest.json` says about a checkpoint. Its bytes are described in
/// `docs/checkpoint-format.md`.
public struct Manifest: Hashable, Sendable {
  /// The value of the key `format`.
  public static let formatName = "edgewise-checkpoint"
  /// The version this program writes. It reads those from 1 on; version 1 has no differences and no
  /// float planes.
  public static let currentVersion = 2
  /// The most raw bytes in a frame.
  public static let maximumFrameRawLength = 4 << 20
  /// The most bytes that a frame may take in its file: zstd never needs as many, even for noise.
  static func maximumFrameLength(rawLength: Int) -> Int { rawLength + rawLength / 128 + 512 }
  /// The file's name in a checkpoint's folder.
  public static let fileName = "manifest.json"

  public var step: Int
  public var epoch: Int
  public var position: Int
  public var recipe: JSONValue
  public var graph: JSONValue
  public var metrics: [String: Double]
  public var state: JSONValue
  public var libraries: [String: String]
  public var writer: WriterNote
  public var shards: [ShardRecord]
  public var tensors: [TensorRecord]

  /// The name of a shard file: `shard-000.zst`.
  public static func shardFileName(_ index: Int) -> String {
    "shard-" + padded(index, digits: 3) + ".zst"
  }

  /// Bytes of all tensors in memory.
  public var rawByteCount: Int { tensors.reduce(0) { $0 + $1.rawByteCount } }
  /// Bytes of all shard files.
  public var shardByteCount: Int { shards.reduce(0) { $0 + $1.byteCount } }
}

/// What a reader accepts. The numbers lie far beyond a real checkpoint; they keep a hostile one
/// from taking the machine's memory.
public struct CheckpointLimits: Hashable, Sendable {
  public var manifestByteCount = 16 << 20
  public var tensorCount = 1 << 17
  public var tensorByteCount = 16 << 30
  /// All tensors together.
  public var rawByteCount = 256 << 30
  /// All tensors together may also take no more than so many times the shard files' bytes, and
  /// `smallRawByteCount` besides: a trained weight hardly shrinks, so a real checkpoint never comes
  /// near, and a small file cannot ask for much memory or time.
  public var expansion = 64
  public var smallRawByteCount = 64 << 20
  /// Steps, epochs, positions and ranks.
  public var count = 1 << 48

  public init() {}
}

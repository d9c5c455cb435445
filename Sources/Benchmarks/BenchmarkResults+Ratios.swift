import Checkpoints

extension BenchmarkResults {
  /// What can be compared between two states of the program on machines of one kind, by name: ratios
  /// of times measured in the same minutes, and sizes. A ratio is there if all it needs was measured.
  ///
  /// Steps count with the model and shapes of the first line of their kind.
  public func ratios() -> [String: Double] {
    var ratios: [String: Double] = [:]
    func put(_ name: String, _ value: Double?) {
      if let value, value.isFinite { ratios[name] = value }
    }
    func quotient(_ a: Double?, _ b: Double?) -> Double? {
      guard let a, let b, b != 0 else { return nil }
      return a / b
    }

    let steps = Self.likeFirst(own("step")).filter { $0["world"]?.int == 1 }
    let float = steps.last { $0["mode"] == "float" }
    for step in steps {
      guard let mode = step["mode"]?.string else { continue }
      put("\(mode)_peak_MiB", step["peak_MiB"]?.double)
      guard mode != "float" else { continue }
      put(
        "\(mode)_over_float_images_per_s",
        quotient(step["images_per_s"]?.double, float?["images_per_s"]?.double))
    }
    for ops in Self.likeFirst(own("ops")) {
      guard let mode = ops["mode"]?.string else { continue }
      put("\(mode)_floor_over_step", ops["floor_over_step"]?.double)
    }

    let inference = Self.likeFirst(own("infer"))
    func inferenceTime(_ mode: String) -> Double? {
      inference.last { $0["mode"]?.string == mode }?["median_ms"]?.double
    }
    put("int8_over_float_infer_ms", quotient(inferenceTime("int8"), inferenceTime("float")))

    for load in own("load") {
      let kept = load["throughputs"]?.array?.first {
        $0["mosaic"] == true && $0["cached"] == true
      }
      put(
        "load_over_float_step_images_per_s",
        quotient(kept?["images_per_s_per_thread"]?.double, float?["images_per_s"]?.double))
    }
    for reduce in own("reduce") {
      guard let ranks = reduce["world"]?.int else { continue }
      for entry in reduce["sizes"]?.array ?? [] {
        guard let bytes = entry["bytes"]?.int, bytes >= 1_000_000 else { continue }
        put("reduce_\(ranks)_ranks_\(bytes)_bytes_over_allreduce", entry["ratio"]?.double)
      }
    }
    for scaling in Self.likeFirst(own("scaling")) {
      guard let mode = scaling["mode"]?.string else { continue }
      for entry in scaling["measured"]?.array ?? [] {
        guard let ranks = entry["ranks"]?.int, ranks > 1 else { continue }
        put("\(mode)_efficiency_\(ranks)_ranks", entry["efficiency"]?.double)
      }
    }
    for checkpoint in own("checkpoint") {
      put("checkpoint_ratio", checkpoint["ratio"]?.double)
      put(
        "checkpoint_blocked_over_memcpy",
        quotient(checkpoint["blocked_ms"]?.double, checkpoint["memcpy_ms"]?.double))
    }
    return ratios
  }

  /// One comparison with another program: above 1 this one is faster.
  public struct PeerRatio: Hashable, Sendable {
    /// `step` or `infer`, and this program's mode.
    public var bench, mode: String
    public var peer, peerMode: String
    public var model: String
    public var size, batch, world: Int
    /// Images per second for steps, milliseconds for inference.
    public var own, theirs: Double
    public var ratio: Double
    /// Peak memory in times of theirs, where both are known.
    public var memoryRatio: Double?
  }

  /// This program's lines beside each peer's with the same picture size, batch, number of ranks and,
  /// where the peer names one, model.
  public func peerRatios() -> [PeerRatio] {
    var ratios: [PeerRatio] = []
    for bench in ["step", "infer"] {
      for peer in peers(bench) {
        for line in own(bench) {
          guard let mode = line["mode"]?.string, let peerMode = peer["mode"]?.string,
            Self.peerModes[mode]?.contains(peerMode) == true,
            ["size", "batch"].allSatisfy({ line[$0] == peer[$0] }),
            (line["world"]?.int ?? 1) == (peer["world"]?.int ?? 1),
            peer["model"].map({ $0 == line["model"] }) ?? (line["model"] == "yolov8n")
          else { continue }
          let key = bench == "step" ? "images_per_s" : "median_ms"
          guard let own = line[key]?.double, let theirs = peer[key]?.double, own > 0, theirs > 0
          else { continue }
          var memory: Double?
          if let a = line["peak_MiB"]?.double, let b = peer["peak_MiB"]?.double, b > 0 {
            memory = a / b
          }
          ratios.append(
            PeerRatio(
              bench: bench, mode: mode, peer: peer["peer"]?.string ?? "?", peerMode: peerMode,
              model: line["model"]?.string ?? "?", size: line["size"]?.int ?? 0,
              batch: line["batch"]?.int ?? 0, world: line["world"]?.int ?? 1, own: own,
              theirs: theirs, ratio: bench == "step" ? own / theirs : theirs / own,
              memoryRatio: memory))
        }
      }
    }
    return ratios
  }

  /// Which modes of peers a mode of this program is measured against.
  private static let peerModes: [String: Set<String>] = [
    "float": ["fp32", "float"], "float-bf16": ["bf16"], "qat": ["qat"], "qat-bf16": ["qat"],
    "int8": ["int8"],
  ]
}

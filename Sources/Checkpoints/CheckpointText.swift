import Tensors
import Texts

/// What the commands `checkpoint list|show|verify|diff` print. No text ends in a line feed.

extension CheckpointEntry {
  /// A table of checkpoints, in the order given.
  ///
  /// - Parameters:
  ///   - metric: the metric of the column; by default `mAP50-95`, or the first by name that the
  ///     newest of them has.
  ///   - now: seconds since 1970 from which ages are counted; by default the clock.
  public static func table(
    _ entries: [CheckpointEntry], metric: String? = nil, now: Double? = nil
  ) -> String {
    if entries.isEmpty { return "no checkpoints" }
    let now = now ?? currentSeconds()
    let known = entries.lazy.compactMap(\.summary?.metrics).first { !$0.isEmpty } ?? [:]
    let preferred = "mAP50-95"
    let metric = metric ?? (known[preferred] != nil ? preferred : known.keys.min() ?? preferred)
    let hasPhases = entries.contains { $0.summary?.phase != nil }
    let best = Set(RetentionPolicy.Best(metric: metric).ofEachPhase(entries).map(\.step))
    var columns = [("step", true), ("epoch", true)]
    if hasPhases { columns.append(("phase", false)) }
    columns += [
      (metric, true), ("size", true), ("age", true), ("ranks", true), ("state", false),
    ]
    var table = TextTable(columns)
    for entry in entries {
      let summary = entry.summary
      let phase = summary?.phase
      var row = ["\(entry.step)", summary.map { "\($0.epoch)" } ?? "-"]
      if hasPhases { row.append(phase ?? "-") }
      row.append(summary?.metrics[metric].map(shortText) ?? "-")
      row.append(summary.map { byteText($0.storedByteCount) } ?? "-")
      row.append(entry.writtenSeconds.map { ageText(seconds: now - $0) } ?? "-")
      row.append(summary.map { "\($0.worldSize)" } ?? "-")
      if let problem = entry.problem {
        row.append("damaged: " + problem)
      } else {
        let mark = phase.flatMap { best.contains(entry.step) ? ", best of \($0)" : nil }
        row.append((entry.isVerified ? "verified" : "complete") + (mark ?? ""))
      }
      table.append(row)
    }
    return table.lines.joined(separator: "\n")
  }
}

extension CheckpointDescription {
  /// Summary, recipe and tensors; with statistics where the description has them.
  public var text: String {
    var lines = [
      path,
      "step \(step), epoch \(epoch), position \(position)",
      "written by \(writer.worldSize) \(writer.worldSize == 1 ? "rank" : "ranks")"
        + Self.list(writer.details, prefix: "; "),
      "libraries" + Self.list(libraries, prefix: ": "),
      "metrics" + Self.list(metrics.mapValues(shortText), prefix: ": "),
    ]
    func ratio(_ raw: Int, _ stored: Int) -> String {
      "(ratio \(fixed(stored > 0 ? Double(raw) / Double(stored) : 1, decimals: 3)))"
    }
    lines.append(
      "\(tensors.count) tensors, \(byteText(rawByteCount)), stored in "
        + "\(byteText(storedByteCount)) \(ratio(rawByteCount, storedByteCount))")
    for role in Set(tensors.map(\.role)).sorted() {
      let members = tensors.filter { $0.role == role }
      let raw = members.reduce(0) { $0 + $1.rawByteCount }
      let stored = members.reduce(0) { $0 + $1.storedByteCount }
      lines.append("  \(role): \(members.count), \(byteText(raw)) \(ratio(raw, stored))")
    }
    return
      (lines.map(printable)
      // Line feeds in strings are written out in JSON; those left are its layout.
      + ["", "recipe", printableLines(recipe.text), "", "state", printableLines(state.text), ""]
      + tensorTable.map(printable)).joined(separator: "\n")
  }

  private var tensorTable: [String] {
    let withStatistics = tensors.contains { $0.statistics != nil }
    var header: [(String, Bool)] = [
      ("tensor", false), ("role", false), ("shape", false), ("dtype", false), ("size", true),
      ("stored", true),
    ]
    if withStatistics {
      header += ["min", "mean", "max", "std", "NaN", "inf"].map { ($0, true) }
    }
    var table = TextTable(header)
    for tensor in tensors {
      var row = [
        tensor.name, tensor.role.rawValue, tensor.shape.description, tensor.dtype.rawValue,
        byteText(tensor.rawByteCount), byteText(tensor.storedByteCount),
      ]
      if withStatistics {
        if let statistics = tensor.statistics {
          row += [
            shortText(statistics.minimum), shortText(statistics.mean),
            shortText(statistics.maximum), shortText(statistics.standardDeviation),
            "\(statistics.nanCount)", "\(statistics.infinityCount)",
          ]
        } else {
          row += [String](repeating: "-", count: 6)
        }
      }
      table.append(row)
    }
    let histograms = tensors.compactMap { tensor in
      tensor.histogram.map { histogram in
        "\(tensor.name) (\(tensor.role)): \(shortText(histogram.minimum)) "
          + "│\(histogram.bars)│ \(shortText(histogram.maximum))"
      }
    }
    return table.lines + (histograms.isEmpty ? [] : [""] + histograms)
  }

  private static func list(_ values: [String: String], prefix: String) -> String {
    if values.isEmpty { return prefix == ": " ? ": none" : "" }
    return prefix
      + values.sorted { $0.key < $1.key }
      .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
  }
}

extension VerificationReport {
  /// One line for a whole checkpoint, otherwise one more per problem.
  public var text: String {
    guard !isWhole else {
      return "\(printable(path)): whole (\(tensorCount) tensors in \(frameCount) frames, "
        + "\(byteText(storedByteCount)))"
    }
    let count = problems.count == 1 ? "1 problem" : "\(problems.count) problems"
    return (["\(printable(path)): \(count)"] + problems.map { "  " + printable($0) })
      .joined(separator: "\n")
  }
}

extension CheckpointDifference {
  /// `identical`, or every difference on a line of its own.
  public var text: String {
    if identical { return "identical (\(equalTensorCount) tensors, bit by bit)" }
    var lines: [String] = []
    for item in manifest {
      lines.append(
        "\(item.place): \(Self.short(item.first)) in the first, "
          + "\(Self.short(item.second)) in the second")
    }
    lines += onlyInFirst.map { "only in the first: \($0)" }
    lines += onlyInSecond.map { "only in the second: \($0)" }
    if !tensors.isEmpty {
      var table = TextTable([
        ("tensor", false), ("role", false), ("differ", true), ("of", true), ("max abs", true),
        ("max rel", true), ("max ULP", true), ("not finite", true), ("", false),
      ])
      for tensor in tensors {
        table.append([
          tensor.name, tensor.role.rawValue, "\(tensor.differingCount)",
          "\(tensor.elementCount)", shortText(tensor.maximumAbsolute),
          shortText(tensor.maximumRelative), tensor.maximumULP.map { "\($0)" } ?? "-",
          "\(tensor.nonFiniteCount)", tensor.mismatch ?? "",
        ])
      }
      lines += table.lines
    }
    lines.append("\(equalTensorCount) tensors are equal, bit by bit")
    return lines.map(printable).joined(separator: "\n")
  }

  private static func short(_ value: JSONValue?) -> String {
    guard let value else { return "absent" }
    let text = value.lineText
    return text.count <= 80 ? text : text.prefix(77) + "..."
  }
}

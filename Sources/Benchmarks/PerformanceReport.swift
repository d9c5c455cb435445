public import Checkpoints
import Reporting

/// docs/performance.md: what was measured, on what, with which commands, as Markdown.
public struct PerformanceReport: Sendable {
  let results: BenchmarkResults
  let machine: MachineDescription

  public init(_ results: BenchmarkResults, machine: MachineDescription) {
    self.results = results
    self.machine = machine
  }

  /// The page, with a line feed at the end. What was not measured is left out.
  public var text: String {
    let sections = [
      heading, steps, operations, inference, peers, load, reduction, scaling, checkpoint, ratios,
    ]
    return sections.compactMap { $0 }.joined(separator: "\n\n") + "\n"
  }

  private var heading: String {
    """
    # Performance

    Written by `make bench`; every number is from one run of it. Absolute times are of this machine alone;
    `make bench-check` compares the ratios at the end with stored ones. docs/measurements.md has other machines and runs.

    | | |
    |---|---|
    | processor | \(machine.processor), \(machine.processorCount) cores, \(machine.memoryGiB) GiB |
    | instruction set oneDNN chose | \(machine.instructionSet) |
    | libraries | \(machine.libraries.joined(separator: ", ")) |
    | system | \(machine.operatingSystem) |
    | date | \(machine.date) |
    """
  }

  private var steps: String? {
    section(
      "Training step", "edgewise bench step",
      "Forward, loss, backward, reduction, optimizer and average, on made-up pictures in memory.",
      columns: [
        "model", "side", "pictures", "ranks", "mode", "images/s", "median ms", "minimum ms",
        "peak MiB", "convolutions %",
      ],
      rows: results.own("step").map { line in
        [
          word(line, "model"), word(line, "size"), word(line, "batch"), word(line, "world"),
          word(line, "mode"), number(line, "images_per_s", 2),
          number(line, "median_s", 1, times: 1000), number(line, "min_s", 1, times: 1000),
          number(line, "peak_MiB", 0), number(line, "convolution_share", 1, times: 100),
        ]
      })
  }

  private var operations: String? {
    let lines = results.own("ops")
    guard !lines.isEmpty else { return nil }
    let floors = section(
      "Pieces of the step", "edgewise bench ops",
      "The floor is the time of the convolutions alone, as they ran in the step. Peaks are measured with loops of multiply-adds in registers, in the same run.",
      columns: [
        "model", "mode", "floor ms", "step ms", "floor / step", "peak FP32", "peak bf16",
        "peak int8 GFLOP/s",
      ],
      rows: lines.map { line in
        [
          word(line, "model"), word(line, "mode"), number(line, "floor_s", 1, times: 1000),
          number(line, "step_s", 1, times: 1000), number(line, "floor_over_step", 3),
          number(line["peak_GFLOPS"], "float32", 0), number(line["peak_GFLOPS"], "bfloat16", 0),
          number(line["peak_GFLOPS"], "int8", 0),
        ]
      })!
    let tables = lines.map { line in
      let longest = (line["ops"]?.array ?? []).prefix(12)
      return "The twelve longest of \(word(line, "model")), \(word(line, "mode")):\n\n"
        + table(
          [
            "piece", "forward ms", "backward ms", "share %", "GFLOP/s", "of the peak %",
            "implementation",
          ],
          longest.map { op in
            [
              word(op, "name"), number(op, "forward_s", 2, times: 1000),
              number(op, "backward_s", 2, times: 1000), number(op, "share", 1, times: 100),
              number(op, "GFLOPS", 0), number(op, "share_of_peak", 0, times: 100),
              (op["implementations"]?.array ?? []).compactMap(\.string).joined(separator: " "),
            ]
          })
    }
    return ([floors] + tables).joined(separator: "\n\n")
  }

  private var inference: String? {
    section(
      "Inference", "edgewise bench infer",
      "Milliseconds per picture, from 8-bit pixels in memory to the outputs of the head; with detections, also boxes decoded and freed from overlaps.",
      columns: [
        "model", "side", "pictures", "mode", "median ms", "minimum ms", "with detections ms",
        "peak MiB",
      ],
      rows: results.own("infer").map { line in
        [
          word(line, "model"), word(line, "size"), word(line, "batch"), word(line, "mode"),
          number(line, "median_ms", 2), number(line, "min_ms", 2), number(line, "detect_ms", 2),
          number(line, "peak_MiB", 0),
        ]
      })
  }

  private var peers: String? {
    section(
      "Beside other programs", nil,
      "Measured side by side on the same cores. A ratio above 1 means that this program is faster. A runtime is timed on the file that it computes best and rightly, after its mAP50-95 on the run's images was that of this program; the precision in which OpenVINO computed what is not int8 stands behind its name, with and without the hint f32.",
      columns: ["what", "mode", "other program", "its mode", "ours", "theirs", "ratio", "memory"],
      rows: results.peerRatios().map { ratio in
        let unit = ratio.bench == "step" ? "images/s" : "ms"
        return [
          "\(ratio.bench), \(ratio.model) \(ratio.size)², batch \(ratio.batch)"
            + (ratio.world == 1 ? "" : ", \(ratio.world) ranks"),
          ratio.mode, ratio.peer, ratio.peerMode, "\(fixed(ratio.own, 2)) \(unit)",
          "\(fixed(ratio.theirs, 2)) \(unit)", fixed(ratio.ratio, 2),
          ratio.memoryRatio.map { fixed($0, 2) } ?? "",
        ]
      })
  }

  private var load: String? {
    var rows: [[String]] = []
    for line in results.own("load") {
      for entry in line["throughputs"]?.array ?? [] {
        let stages = entry["stages"]?.object ?? [:]
        rows.append(
          [
            word(line, "recipe"), word(line, "size"), entry["mosaic"] == true ? "yes" : "no",
            entry["cached"] == true ? "yes" : "no", word(entry, "threads"),
            number(entry, "images_per_s", 0), number(entry, "images_per_s_per_thread", 0),
          ]
            + ["decode", "fit", "draw", "color"].map { stage in
              (stages[stage]?.double).map { fixed(100 * $0, 0) } ?? ""
            })
      }
    }
    return section(
      "Data pipeline", "edgewise bench load",
      "Training pictures made per second. The parts of the stages are of one thread's time.",
      columns: [
        "recipe", "side", "mosaic", "cached", "threads", "images/s", "per thread", "decode %",
        "fit %", "draw %", "colour %",
      ], rows: rows)
  }

  private var reduction: String? {
    var rows: [[String]] = []
    for line in results.own("reduce") {
      for entry in line["sizes"]?.array ?? [] {
        rows.append([
          word(line, "world"), word(entry, "bytes"), number(entry, "ordered_ms", 3),
          number(entry, "allreduce_ms", 3), number(entry, "ratio", 2),
          number(entry, "ordered_MB_s", 0), number(entry, "allreduce_MB_s", 0),
        ])
      }
    }
    return section(
      "Reduction", "mpirun -n 2 edgewise bench reduce",
      "The ordered reduction (the same bits on any number of ranks) beside MPI_Allreduce. Bandwidth is 2(P-1)/P of the vector per rank and second.",
      columns: [
        "ranks", "bytes", "ordered ms", "MPI_Allreduce ms", "ordered / MPI", "ordered MB/s",
        "MPI MB/s",
      ], rows: rows)
  }

  private var scaling: String? {
    let lines = results.own("scaling")
    guard !lines.isEmpty else { return nil }
    var measured: [[String]] = []
    for line in lines {
      for entry in line["measured"]?.array ?? [] {
        measured.append([
          word(line, "model"), word(line, "mode"), word(entry, "ranks"),
          number(entry, "images_per_s", 2), number(entry, "efficiency", 3),
        ])
      }
    }
    let first = section(
      "More ranks", "edgewise bench scaling",
      "Every rank computes as many pictures; efficiency is images/s over that many times the images/s of one rank.",
      columns: ["model", "mode", "ranks", "images/s", "efficiency"], rows: measured)!
    let forecasts = lines.compactMap { line -> String? in
      guard let forecast = line["forecast"] else { return nil }
      let rows = (forecast["rows"]?.array ?? []).map { row in
        [
          word(row, "ranks"), word(row, "Gbit_s"), number(row, "communication_ms", 1),
          number(row, "efficiency_serial", 3), number(row, "efficiency_overlapped", 3),
        ]
      }
      let assumptions =
        "Forecast for \(word(line, "model")), \(word(line, "mode")), not measured: \(word(forecast, "formula")), with t = \(number(forecast, "t_s", 4)) s (measured on one rank), n = \(word(forecast, "bytes")) bytes, α = \(number(forecast, "alpha_us", 0)) µs, β the link's bits per second over 8; h = 0 (serial) or the \(number(forecast, "h_s", 4)) s of the backward pass (overlapped)."
      return assumptions + "\n\n"
        + table(
          [
            "ranks", "Gbit/s", "communication ms", "efficiency, serial", "efficiency, overlapped",
          ], rows)
    }
    return ([first] + forecasts).joined(separator: "\n\n")
  }

  private var checkpoint: String? {
    section(
      "Checkpoints", "edgewise bench checkpoint --run RUN",
      "Speeds are raw bytes over processor time, so per core. Blocked is what a step waits for a save.",
      columns: [
        "raw MB", "ratio", "plain zstd -3", "compress MB/s", "restore MB/s",
        "verify MB/s", "write ms on the clock", "blocked ms", "memcpy ms", "list 100, ms",
        "show, ms",
      ],
      rows: results.own("checkpoint").map { line in
        [
          number(line, "raw_bytes", 1, times: 1e-6), number(line, "ratio", 3),
          number(line, "plain_zstd_ratio", 3), number(line, "compress_MB_s", 0),
          number(line, "restore_MB_s", 0), number(line, "verify_MB_s", 0),
          number(line, "write_ms", 1), number(line, "blocked_ms", 2),
          number(line, "memcpy_ms", 2), number(line, "list_ms", 1), number(line, "show_ms", 1),
        ]
      })
  }

  private var ratios: String? {
    section(
      "Ratios", nil, "What `make bench-check` looks at.", columns: ["ratio", "value"],
      rows: results.ratios().sorted { $0.key < $1.key }.map { ["`\($0.key)`", fixed($0.value, 3)] })
  }

  // MARK: - Markdown

  private func section(
    _ title: String, _ command: String?, _ explanation: String, columns: [String],
    rows: [[String]]
  ) -> String? {
    guard !rows.isEmpty else { return nil }
    return "## \(title)\n\n\(explanation)" + (command.map { " `\($0)`" } ?? "") + "\n\n"
      + table(columns, rows)
  }

  private func table(_ columns: [String], _ rows: [[String]]) -> String {
    func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
    let rule = "|" + String(repeating: "---|", count: columns.count)
    return ([line(columns), rule] + rows.map(line)).joined(separator: "\n")
  }

  /// A word or whole number; empty where there is none.
  private func word(_ line: JSONValue?, _ key: String) -> String {
    guard let value = line?[key] else { return "" }
    return value.string ?? value.int.map { "\($0)" } ?? value.double.map { brief($0) } ?? ""
  }

  private func number(
    _ line: JSONValue?, _ key: String, _ decimals: Int, times factor: Double = 1
  ) -> String {
    (line?[key]?.double).map { fixed($0 * factor, decimals) } ?? ""
  }
}

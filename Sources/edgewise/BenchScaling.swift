import ArgumentParser
import Benchmarks
import Checkpoints
import Foundation
import Graphs
import Reporting
import Training

struct BenchScaling: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scaling",
    abstract: "Times steps on 1 to n ranks and forecasts many more.",
    discussion: """
      Examples:
        edgewise bench scaling --mode qat
        edgewise bench scaling --ranks 1 --ranks 2 --ranks 4 --alpha 5 --json

      Starts mpirun itself, once per number of ranks; do not start it under mpirun. Every rank computes \
      --batch pictures. The forecast is \(ScalingForecast.formula): t is the step measured on one rank, \
      n the bytes of gradients and statistics, α the time of a message, β the link's speed, h what \
      hides behind the backward pass: nothing (serial), or as much as that pass takes (overlapped).
      """)

  @OptionGroup var arguments: BenchArguments

  @Option(
    help:
      "A number of ranks to measure. Repeatable; 1 is always measured. Default: 1 to the processors."
  )
  var ranks: [Int] = []

  @Option(help: "Microseconds per message, for the forecast.")
  var alpha = 20.0

  @Flag(help: "Print one JSON document.")
  var json = false

  /// 10⁹ bits per second.
  static let links = [10, 25, 100]
  static let forecastRanks = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]

  func validate() throws {
    for count in ranks where count < 1 || count > 1024 {
      throw ValidationError("--ranks must be a whole number from 1 to 1024")
    }
    guard alpha >= 0, alpha <= 1e6 else {
      throw ValidationError("--alpha must be a number of microseconds from 0 to 1000000")
    }
  }

  private struct Measured {
    var ranks: Int
    var imagesPerSecond, medianSeconds, efficiency: Double
  }

  func run() throws {
    try endingAlone {
      let processors = ProcessInfo.processInfo.activeProcessorCount / arguments.threads
      let counts = Set([1] + (ranks.isEmpty ? Array(1...max(processors, 1)) : ranks)).sorted()
      let steps = try counts.map { try RankLauncher.json(ranks: $0, stepArguments) }
      let rates = steps.map { $0["images_per_s"]?.double ?? .nan }
      let measured = zip(counts, zip(steps, rates)).map { ranks, step in
        Measured(
          ranks: ranks, imagesPerSecond: step.1,
          medianSeconds: step.0["median_s"]?.double ?? .nan,
          efficiency: step.1 / (Double(ranks) * rates[0]))
      }
      var recipe = Recipe()
      recipe.model.architecture = arguments.model
      recipe.model.inputSize = arguments.size
      let layout = ParameterLayout(
        recipe.floatGraph(classNames: (0..<arguments.classes).map { "class\($0)" }))
      let byteCount = 4 * (layout.trainableCount + layout.statisticsCount)
      let backward = steps[0]["backward_s"]?.double ?? 0
      if json {
        printJSON(document(measured, byteCount, backward))
      } else {
        show(measured, byteCount, backward)
      }
    }
  }

  private var stepArguments: [String] {
    [
      "bench", "step", "--model", arguments.model.rawValue, "--size", "\(arguments.size)",
      "--batch", "\(arguments.batch)", "--mode", arguments.mode.rawValue, "--classes",
      "\(arguments.classes)", "--steps", "\(arguments.steps)", "--threads",
      "\(arguments.threads)", "--json",
    ]
  }

  private func forecast(
    _ measured: [Measured], _ byteCount: Int, link: Int, hidden: Double
  ) -> ScalingForecast {
    ScalingForecast(
      computeSeconds: measured[0].medianSeconds, byteCount: byteCount,
      latencySeconds: alpha * 1e-6, bytesPerSecond: Double(link) * 1e9 / 8, hiddenSeconds: hidden)
  }

  private func document(_ measured: [Measured], _ byteCount: Int, _ backward: Double) -> JSONValue {
    var rows: [JSONValue] = []
    for link in Self.links {
      let serial = forecast(measured, byteCount, link: link, hidden: 0)
      let overlapped = forecast(measured, byteCount, link: link, hidden: backward)
      for ranks in Self.forecastRanks {
        rows.append([
          "Gbit_s": .integer(link), "ranks": .integer(ranks),
          "communication_ms": decimals(1000 * serial.communicationSeconds(ranks: ranks), 4),
          "efficiency_serial": decimals(serial.efficiency(ranks: ranks), 4),
          "efficiency_overlapped": decimals(overlapped.efficiency(ranks: ranks), 4),
        ])
      }
    }
    return [
      "bench": "scaling", "model": .string(arguments.model.rawValue),
      "mode": .string(arguments.mode.rawValue), "size": .integer(arguments.size),
      "batch": .integer(arguments.batch), "threads": .integer(arguments.threads),
      "measured": .array(
        measured.map { entry in
          [
            "ranks": .integer(entry.ranks), "images_per_s": decimals(entry.imagesPerSecond, 2),
            "median_s": decimals(entry.medianSeconds, 5),
            "efficiency": decimals(entry.efficiency, 4),
          ]
        }),
      "forecast": [
        "formula": .string(ScalingForecast.formula),
        "t_s": decimals(measured[0].medianSeconds, 5), "bytes": .integer(byteCount),
        "alpha_us": .number(alpha), "h_s": decimals(backward, 5), "rows": .array(rows),
      ],
    ]
  }

  private func show(_ measured: [Measured], _ byteCount: Int, _ backward: Double) {
    print(
      "\(arguments.model.rawValue), \(arguments.mode.rawValue), \(arguments.size) pixels, \(arguments.batch) pictures per rank"
    )
    var table = TextTable([
      .right("ranks"), .right("images/s"), .right("step ms"), .right("efficiency"),
    ])
    for entry in measured {
      table.append([
        "\(entry.ranks)", fixed(entry.imagesPerSecond, 2), fixed(1000 * entry.medianSeconds, 1),
        fixed(entry.efficiency, 3),
      ])
    }
    print(table)
    print(
      """

      Forecast, not measured: \(ScalingForecast.formula)
      t = \(fixed(measured[0].medianSeconds, 4)) s, n = \(byteCount) bytes, α = \(brief(alpha)) µs; \
      serial: h = 0; overlapped: h = \(fixed(backward, 4)) s, the backward pass
      """)
    var rows = TextTable(
      [.right("ranks")]
        + Self.links.flatMap { [.right("\($0) Gb/s serial"), .right("overlapped")] })
    for ranks in Self.forecastRanks {
      rows.append(
        ["\(ranks)"]
          + Self.links.flatMap { link in
            [0, backward].map { hidden in
              let forecast = forecast(measured, byteCount, link: link, hidden: hidden)
              return fixed(forecast.efficiency(ranks: ranks), 3)
            }
          })
    }
    print(rows)
  }
}

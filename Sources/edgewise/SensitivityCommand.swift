public import ArgumentParser
import Checkpoints
import Datasets
import Engine
import Foundation
import MessagePassing
import Parallel
import Reporting
import Texts
import Training

struct SensitivityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sensitivity",
    abstract: "Shows which parts of a quantized model cost accuracy, and what to do about it.",
    discussion: """
      Each part is put on its grid alone, and left out alone; the loss is measured against the same \
      weights in float, as noise of the outputs or as mAP on the validation pictures.

      Examples:
        edgewise sensitivity runs/demo --by sqnr --plot sensitivity.svg
        mpirun -n 2 edgewise sensitivity runs/ptq/calibrated --by map --json
        edgewise sensitivity runs/demo --per layer --budget-ratio 0.7
        edgewise bench ops --mode qat --json > ops.json
        edgewise sensitivity runs/demo --budget-time 0.8 --times ops.json
      """)

  enum Measure: String, CaseIterable, ExpressibleByArgument {
    case sqnr, map
  }

  @Argument(
    help: "A checkpoint with ranges, or a run's folder for its newest whole checkpoint.",
    completion: .directory)
  var checkpoint: String

  @Option(help: "What ranks the parts: sqnr (fast), or map (scores every case).")
  var by = Measure.sqnr

  @Option(
    help: "What goes in and out: site, with the weights of its readers; or layer, its weights.")
  var per = SensitivityPart.site

  @Option(help: "How many validation pictures the noise is measured on.")
  var images = 16

  @Option(help: "Bytes that the weights may take; proposes which layers get --low-bits.")
  var budgetBytes: Int?

  @Option(help: "The same as a part of what they take at 8 bits.")
  var budgetRatio: Double?

  @Option(
    help:
      "The time of everything as a part of what it is at 8 bits; a layer at --low-bits takes as much less as its bits are fewer."
  )
  var budgetTime: Double?

  @Option(
    help:
      "For --budget-time, how long layers take: a file of `edgewise bench ops --mode qat --json`. Default: multiply-accumulates.",
    completion: .file(extensions: ["json"]))
  var times: String?

  @Option(help: "The fewer bits of a mix.")
  var lowBits = 4

  @Option(help: "How many parts to leave in float at most, where that helps.")
  var skip = 5

  @Option(
    help: "Draw the losses into this SVG file.", completion: .file(extensions: ["svg"]))
  var plot: String?

  @Option(
    name: .customLong("set"),
    help: "Another value for a key of data, evaluation or system: key.path=value. Repeatable.")
  var overrides: [String] = []

  @Flag(help: "Replace the file of --plot where it is there already.")
  var force = false

  @Flag(help: "Print one JSON document.")
  var json = false

  func validate() throws {
    guard images >= 1 else { throw ValidationError("--images must be at least 1") }
    guard (2...7).contains(lowBits) else {
      throw ValidationError("--low-bits must be from 2 to 7; 8 is what they are fewer than")
    }
    let budgets = [budgetBytes != nil, budgetRatio != nil, budgetTime != nil]
    guard budgets.count(where: { $0 }) <= 1 else {
      throw ValidationError(
        "a mix of bits has one budget: give one of --budget-bytes, --budget-ratio and --budget-time"
      )
    }
    for (name, part) in [("ratio", budgetRatio), ("time", budgetTime)] {
      if let part, !(part > 0 && part <= 1) {
        throw ValidationError("--budget-\(name) must be above 0 and at most 1")
      }
    }
    guard times == nil || budgetTime != nil else {
      throw ValidationError("--times goes with --budget-time")
    }
    if let budgetBytes, budgetBytes < 1 {
      throw ValidationError("--budget-bytes must be at least 1")
    }
    guard skip >= 0 else { throw ValidationError("--skip must be at least 0") }
  }

  private var hasBudget: Bool { budgetBytes != nil || budgetRatio != nil || budgetTime != nil }

  func run() throws {
    let communicator = try startedCommunicator()
    try ending(communicator) { try analyze(communicator) }
  }

  private func analyze(_ communicator: Communicator) throws {
    if let plot { try checkNamedSVG(plot, option: "--plot") }
    let reader = try openCheckpoint(checkpoint, communicator: communicator)
    let model = try communicator.together(exitCode: Training.exitCode) {
      var model = try DeployedModel(checkpoint: reader)
      try model.apply(overrides: overrides)
      return model
    }
    let measured = try communicator.together(exitCode: Training.exitCode) {
      try times.map { try OperationTimes(path: $0, size: model.recipe.model.inputSize) }
    }
    setComputeThreadCount(model.recipe.system.threads)
    let data = try model.recipe.loadValidation(
      runFolder: runFolder(ofCheckpoint: reader.path), communicator: communicator)
    let pictures = PictureCache(samples: data.samples, size: model.recipe.model.inputSize)
    let report = try measureSensitivity(
      of: model, pictures, per: per, images: images, measuresMAP: by == .map,
      lowBits: hasBudget ? lowBits : nil, communicator: communicator)
    guard communicator.rank == 0 else { return }
    let proposal = try proposal(report, measured)
    if let plot {
      try writeWhole(Array(chart(report).svg.utf8), to: plot, isReplacing: force)
    }
    if json {
      printJSON([
        "checkpoint": .string(model.path), "by": .string(by.rawValue),
        "report": try JSONValue(encoding: report),
        "proposal": try JSONValue(encoding: proposal),
        "recipe": .string(proposal.recipeText),
      ])
    } else {
      print(table(report))
      print("\n" + proposal.text)
      if !proposal.recipeText.isEmpty { print("\n" + proposal.recipeText) }
    }
  }

  /// - Throws: a sentence, where no mix of bits fits the budget.
  private func proposal(_ report: SensitivityReport, _ measured: OperationTimes?) throws
    -> BitProposal
  {
    func proposal(_ budget: BitProposal.Budget?) -> BitProposal {
      BitProposal(report, budget: budget, skipCount: skip, leastGain: by == .map ? 0.002 : 0.05)
    }
    func refused(_ budget: String, _ least: String) -> FailureReport {
      FailureReport(
        message:
          "no mix of 8 and \(lowBits) bits fits \(budget): with every layer at \(lowBits) bits \(least); give a larger budget or fewer --low-bits",
        exitCode: 64, rank: 0)
    }
    if let part = budgetTime {
      let times = try measured?.layerTimes(report.layers) ?? LayerTimes(modelling: report.layers)
      let mix = proposal(.time(part: part, times))
      if !mix.fits, let time = mix.time {
        throw refused(
          "\(brief(part)) of the time", "\(brief(time.least / time.atEight)) of it is left")
      }
      return mix
    }
    let free = proposal(nil)
    let budget =
      budgetBytes ?? budgetRatio.map { Int($0 * Double(free.byteCountAtEight)) }
    guard let budget else { return free }
    let mix = proposal(.bytes(budget))
    guard mix.fits else {
      throw refused("\(budget) bytes", "the weights take \(free.leastByteCount)")
    }
    return mix
  }

  private func table(_ report: SensitivityReport) -> String {
    func decibels(_ measure: SensitivityMeasure) -> String {
      measure.decibels.map { fixed($0, 2) } ?? "exact"
    }
    func score(_ measure: SensitivityMeasure) -> String { measure.mAP.map { fixed($0, 4) } ?? "-" }
    var columns = ["bits", "weights", "alone dB", "without dB"]
    if by == .map { columns += ["alone mAP", "without mAP"] }
    var table = TextTable([.left(per.rawValue)] + columns.map { .right($0) })
    for row in report.ranked {
      var cells = [
        row.name, "\(row.bits)", "\(row.weightCount)", decibels(row.alone), decibels(row.without),
      ]
      if by == .map { cells += [score(row.alone), score(row.without)] }
      table.append(cells)
    }
    var lines = [table.description, ""]
    lines.append(
      "everything quantized: \(decibels(report.whole)) dB"
        + (report.whole.mAP.map { ", mAP50-95 \(fixed($0, 4))" } ?? "")
        + (report.float.mAP.map { " (float \(fixed($0, 4)))" } ?? ""))
    return lines.joined(separator: "\n")
  }

  private func chart(_ report: SensitivityReport) -> BarChart {
    let whole = report.whole.mAP
    return BarChart(
      title: "What each \(per.rawValue) costs",
      series: by == .map
        ? ["loss of mAP50-95, alone on its grid", "gain of mAP50-95, left in float"]
        : ["noise of the outputs in parts of a million of their power, alone on its grid"],
      bars: report.ranked.map { row in
        let values: [Double?] =
          by == .map
          ? [
            report.float.mAP.flatMap { float in row.alone.mAP.map { float - $0 } },
            whole.flatMap { whole in row.without.mAP.map { $0 - whole } },
          ] : [row.alone.noise * 1e6]
        return .init(name: row.name, values: values)
      })
  }
}

extension SensitivityPart: ExpressibleByArgument {}

extension BitProposal {
  /// What is proposed, in words.
  var text: String {
    var lines: [String] = []
    lines.append(
      skipped.isEmpty
        ? "leave in float: nothing; no part alone helps enough"
        : "leave in float: \(skipped.map(printable).joined(separator: ", "))")
    if let lowBits {
      lines.append(
        "\(lowered.count) layers at \(lowBits) bits: the weights take \(byteCount) bytes, \(byteCountAtEight) at 8 bits"
      )
      if let time {
        lines.append(
          "the time falls to \(fixed(100 * time.proposed / time.atEight, 1)) % of that at 8 bits, in \(time.unit.rawValue)"
        )
      }
    }
    return lines.joined(separator: "\n")
  }

  /// The mix of bits as keys of a recipe; empty where nothing is lowered.
  var recipeText: String {
    guard let lowBits, !lowered.isEmpty else { return "" }
    return
      (["quantization:", "  overrides:"] + lowered.map { "    - \"\(printable($0)): w\(lowBits)\"" })
      .joined(separator: "\n")
  }
}

public import ArgumentParser
import Checkpoints
import Datasets
import Engine
import Foundation
import MessagePassing
import Parallel
import Reporting
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
    guard budgetBytes == nil || budgetRatio == nil else {
      throw ValidationError("--budget-bytes and --budget-ratio say the same; give one of them")
    }
    if let budgetRatio, !(budgetRatio > 0 && budgetRatio <= 1) {
      throw ValidationError("--budget-ratio must be above 0 and at most 1")
    }
    if let budgetBytes, budgetBytes < 1 {
      throw ValidationError("--budget-bytes must be at least 1")
    }
    guard skip >= 0 else { throw ValidationError("--skip must be at least 0") }
  }

  private var hasBudget: Bool { budgetBytes != nil || budgetRatio != nil }

  func run() throws {
    let communicator = try startedCommunicator()
    try ending(communicator) { try analyze(communicator) }
  }

  private func analyze(_ communicator: Communicator) throws {
    let reader = try openCheckpoint(checkpoint, communicator: communicator)
    let model = try communicator.together(exitCode: Training.exitCode) {
      var model = try DeployedModel(checkpoint: reader)
      try model.apply(overrides: overrides)
      return model
    }
    setComputeThreadCount(model.recipe.system.threads)
    let data = try model.recipe.loadValidation(
      runFolder: runFolder(ofCheckpoint: reader.path), communicator: communicator)
    let pictures = PictureCache(samples: data.samples, size: model.recipe.model.inputSize)
    let report = try measureSensitivity(
      of: model, pictures, per: per, images: images, measuresMAP: by == .map,
      lowBits: hasBudget ? lowBits : nil, communicator: communicator)
    guard communicator.rank == 0 else { return }
    let proposal = try proposal(report)
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
  private func proposal(_ report: SensitivityReport) throws -> BitProposal {
    let free = BitProposal(
      report, budget: nil, skipCount: skip, leastGain: by == .map ? 0.002 : 0.05)
    let budget =
      budgetBytes ?? budgetRatio.map { Int($0 * Double(free.byteCountAtEight)) }
    guard let budget else { return free }
    guard budget >= free.leastByteCount else {
      throw FailureReport(
        message:
          "no mix of 8 and \(lowBits) bits fits \(budget) bytes: with every layer at \(lowBits) bits the weights take \(free.leastByteCount); give a larger budget or fewer --low-bits",
        exitCode: 64, rank: 0)
    }
    return BitProposal(
      report, budget: budget, skipCount: skip, leastGain: by == .map ? 0.002 : 0.05)
  }

  private func table(_ report: SensitivityReport) -> String {
    func decibels(_ measure: SensitivityMeasure) -> String {
      measure.decibels.map { fixed($0, 2) } ?? "exact"
    }
    func score(_ measure: SensitivityMeasure) -> String { measure.mAP.map { fixed($0, 4) } ?? "-" }
    var table = TextTable(
      [.left(per.rawValue)]
        + ["bits", "weights", "alone dB", "alone mAP", "without dB", "without mAP"].map {
          .right($0)
        })
    for row in report.ranked {
      table.append([
        row.name, "\(row.bits)", "\(row.weightCount)", decibels(row.alone), score(row.alone),
        decibels(row.without), score(row.without),
      ])
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
        : "leave in float: \(skipped.joined(separator: ", "))")
    if let lowBits {
      lines.append(
        "\(lowered.count) layers at \(lowBits) bits: the weights take \(byteCount) bytes, \(byteCountAtEight) at 8 bits"
      )
    }
    return lines.joined(separator: "\n")
  }

  /// The mix of bits as keys of a recipe; empty where nothing is lowered.
  var recipeText: String {
    guard let lowBits, !lowered.isEmpty else { return "" }
    return (["quantization:", "  overrides:"] + lowered.map { "    - \"\($0): w\(lowBits)\"" })
      .joined(separator: "\n")
  }
}

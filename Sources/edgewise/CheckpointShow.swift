import ArgumentParser
import Checkpoints
import Parallel

struct CheckpointShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Shows what a checkpoint, or a file of weights, holds.",
    discussion: """
      Examples:
        edgewise checkpoint show runs/demo --statistics --only 'model.22.*' --role ema
        edgewise checkpoint show runs/demo --site
        edgewise checkpoint show runs/demo --histogram --only '*.conv.weight'
        edgewise checkpoint show yolov8n.pt

      Files of weights are .pt, .safetensors, .npz, .onnx and .tflite files of other programs.

      Without --statistics and --histogram no tensor is read, and the answer comes at once.
      """)

  @Argument(
    help: "A checkpoint's folder, a run's folder for its newest, or a file of weights.",
    completion: .file())
  var path: String

  @OptionGroup var selection: TensorSelection

  @Flag(help: "Read the tensors: minimum, mean, maximum, spread, counts of NaN and infinity.")
  var statistics = false

  @Flag(help: "Read the tensors: how their values are distributed, a line each; heights are roots.")
  var histogram = false

  @Flag(
    help: "The quantized sites instead of the tensors: range, scale, zero point, saturation.")
  var site = false

  @Flag(help: "Print one JSON document.")
  var json = false

  func run() throws {
    try endingAlone {
      if WeightFileReport.isFile(path) {
        return try WeightFileReport.show(
          path, selection, withStatistics: statistics, others: site || histogram, json: json)
      }
      let reader = try openCheckpoint(path, isVerifying: false)
      if site {
        let sites = try SiteDescription.all(reader)
        if json {
          printJSON(["path": .string(reader.path), "sites": try JSONValue(encoding: sites)])
        } else {
          TerminalText.print(SiteDescription.table(sites))
        }
        return
      }
      let description = try reader.description(
        withStatistics: statistics, withHistograms: histogram, where: selection.includes)
      if !selection.text.isEmpty, description.tensors.isEmpty {
        throw FailureReport(
          message: "\(reader.path) holds no tensor of \(selection.text)", exitCode: 65, rank: 0)
      }
      if json {
        printJSON(try JSONValue(encoding: description))
      } else {
        TerminalText.print(description.text)
      }
    }
  }
}

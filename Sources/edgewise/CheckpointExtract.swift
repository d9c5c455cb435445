import ArgumentParser
import Checkpoints
import Foundation
import Parallel

struct CheckpointExtract: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "extract",
    abstract: "Writes tensors of a checkpoint to a safetensors or npz file.",
    discussion: """
      Examples:
        edgewise checkpoint extract runs/demo --to safetensors --output weights.safetensors
        edgewise checkpoint extract runs/demo --to npz --only 'model.0.*' --role momentum \
      --output momentum.npz

      Without --role it is the weights a run would deploy (averages where it has them), under their \
      plain names; with it, names are ROLE/NAME.
      """)

  @Argument(
    help: "A checkpoint's folder, or a run's folder for its newest.", completion: .directory)
  var path: String

  @Option(
    name: .customLong("to"), help: "The file's format: safetensors or npz.",
    transform: { text in
      guard let format = ExtractionFormat(rawValue: text) else {
        throw ValidationError("'\(text)' is no format; use safetensors or npz")
      }
      return format
    })
  var format: ExtractionFormat

  @OptionGroup var selection: TensorSelection

  @Option(help: "The file to write.", completion: .file())
  var output: String

  @Flag(help: "Replace the file if it is there.")
  var force = false

  @Flag(help: "Print one JSON document.")
  var json = false

  func run() throws {
    try endingAlone {
      let reader = try openCheckpoint(path)
      guard force || !FileManager.default.fileExists(atPath: output) else {
        throw FailureReport(
          message: "\(output) is there already and was left as it is; add --force to replace it",
          exitCode: 64, rank: 0)
      }
      let tensors = chosen(reader)
      guard !tensors.isEmpty else {
        throw FailureReport(
          message: "\(reader.path) holds no tensor of "
            + (selection.text.isEmpty ? "weights" : selection.text), exitCode: 65, rank: 0)
      }
      let byteCount = try reader.extract(tensors, as: format, to: output)
      if json {
        printJSON([
          "path": .string(reader.path), "output": .string(output),
          "format": .string(format.rawValue), "bytes": .integer(byteCount),
          "tensors": .array(tensors.map { .string($0.name) }),
        ])
      } else {
        print("\(output): \(tensors.count) tensors of \(reader.path), \(byteCount) bytes")
      }
    }
  }

  private func chosen(_ reader: CheckpointReader) -> [ExtractedTensor] {
    let fitting = reader.manifest.tensors.filter(selection.includes)
    guard selection.roles.isEmpty else {
      return fitting.map { ExtractedTensor(name: "\($0.role)/\($0.name)", record: $0) }
    }
    return fitting.filter { record in
      switch record.role {
      case .ema: true
      case .parameter, .bn: reader.record(record.name, role: .ema) == nil
      default: false
      }
    }.map { ExtractedTensor(name: $0.name, record: $0) }
  }
}

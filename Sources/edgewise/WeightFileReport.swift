import Checkpoints
import Foundation
import Parallel
import Reporting
import Tensors
import WeightFiles

/// What `checkpoint show` says about a file of weights of another program.
enum WeightFileReport {
  /// Checkpoints and runs are folders.
  static func isFile(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && !isFolder.boolValue
  }

  static func show(
    _ path: String, _ selection: TensorSelection, withStatistics: Bool, others: Bool, json: Bool
  ) throws {
    guard !others, selection.roles.isEmpty else {
      throw FailureReport(
        message: "\(path) is a file of weights: --site, --histogram and --role are for checkpoints",
        exitCode: 64, rank: 0)
    }
    let file = try WeightFile(path: path)
    let entries = file.tensors.filter { selection.includes(name: $0.name) }
    guard selection.patterns.isEmpty || !entries.isEmpty else {
      throw FailureReport(
        message: "\(path) holds no tensor of \(selection.text)", exitCode: 65, rank: 0)
    }
    var statistics: [Statistics] = []
    if withStatistics {
      for entry in entries { statistics.append(Statistics(try file.read(entry.name))) }
    }
    if json {
      printJSON(document(file, entries, statistics))
    } else {
      TerminalText.print(text(file, entries, statistics))
    }
  }

  private struct Statistics {
    var minimum: Float?
    var maximum: Float?
    var nonFiniteCount = 0

    init(_ tensor: Tensor) {
      tensor.withElements(as: Float.self) { values in
        for value in values {
          guard value.isFinite else {
            nonFiniteCount += 1
            continue
          }
          minimum = min(minimum ?? value, value)
          maximum = max(maximum ?? value, value)
        }
      }
    }
  }

  // MARK: For people

  private static func text(
    _ file: WeightFile, _ entries: [WeightEntry], _ statistics: [Statistics]
  ) -> String {
    let facts = file.facts
    var lines = [printable(file.path)]
    func add(_ title: String, _ value: String?) {
      if let value { lines.append("\(title) \(printable(value))") }
    }
    add("format", file.format.rawValue)
    add("family", facts.family.map { $0 + (facts.variant.map { ", variant \($0)" } ?? "") })
    add("task", facts.task)
    add("network", facts.networkClass)
    if let names = facts.classNames {
      let shown = names.prefix(10).joined(separator: ", ")
      add("classes", "\(names.count): \(shown)\(names.count > 10 ? ", …" : "")")
    } else if let count = facts.classCount {
      add("classes", "\(count), not named")
    }
    add("strides", facts.strides.map { $0.map(String.init).joined(separator: ", ") })
    add("image size", facts.imageSize.map { $0.map(String.init).joined(separator: " × ") })
    add("epoch", facts.epoch.map { $0 < 0 ? "training is over" : "\($0)" })
    add("written by", facts.producer)
    add("version", facts.version)
    add("date", facts.date)
    if facts.isStateDictionary { lines.append("tensors by name only (a state_dict), no network") }
    if facts.usesAverage { lines.append("the averaged weights (ema)") }
    if facts.isDequantized { lines.append("integer weights, made float") }
    if !file.convolutions.isEmpty {
      lines.append("\(file.convolutions.count) convolutions in its graph")
    }
    lines.append("\(file.tensors.count) tensors, \(file.parameterCount) parameters")
    lines.append("")
    var columns: [TextTable.Column] = [.left("tensor"), .left("type"), .left("shape")]
    if !statistics.isEmpty { columns += [.right("minimum"), .right("maximum"), .right("NaN, ∞")] }
    var table = TextTable(columns)
    for (index, entry) in entries.enumerated() {
      var row = [printable(entry.name), printable(entry.type), "\(entry.shape)"]
      if !statistics.isEmpty {
        let found = statistics[index]
        row += [
          found.minimum.map { "\($0)" } ?? "-", found.maximum.map { "\($0)" } ?? "-",
          "\(found.nonFiniteCount)",
        ]
      }
      table.append(row)
    }
    return lines.joined(separator: "\n") + "\n" + table.description
  }

  /// Without control characters, which a file may hold to deceive a terminal.
  private static func printable(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(1000) {
      let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
      result.unicodeScalars.append(isControl ? "\u{FFFD}" : scalar)
    }
    return result
  }

  // MARK: For scripts

  private static func document(
    _ file: WeightFile, _ entries: [WeightEntry], _ statistics: [Statistics]
  ) -> JSONValue {
    let facts = file.facts
    func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }
    func integers(_ values: [Int]?) -> JSONValue {
      values.map { .array($0.map { .integer($0) }) } ?? .null
    }
    func number(_ value: Float?) -> JSONValue { value.map { .number(Double($0)) } ?? .null }
    let tensors = entries.enumerated().map { index, entry -> JSONValue in
      var members: [String: JSONValue] = [
        "name": .string(entry.name), "type": .string(entry.type), "shape": integers(entry.shape),
      ]
      if !statistics.isEmpty {
        members["minimum"] = number(statistics[index].minimum)
        members["maximum"] = number(statistics[index].maximum)
        members["nonFinite"] = .integer(statistics[index].nonFiniteCount)
      }
      return .object(members)
    }
    let convolutions = file.convolutions.map { convolution -> JSONValue in
      [
        "name": .string(convolution.name), "weight": .string(convolution.weight),
        "bias": text(convolution.bias), "shape": integers(convolution.shape),
        "groups": .integer(convolution.groups), "strides": integers(convolution.strides),
        "inputs": integers(convolution.inputs),
      ]
    }
    return [
      "path": .string(file.path), "format": .string(file.format.rawValue),
      "family": text(facts.family), "variant": text(facts.variant), "task": text(facts.task),
      "network": text(facts.networkClass),
      "classes": facts.classNames.map { .array($0.map { .string($0) }) } ?? .null,
      "classCount": facts.classCount.map { .integer($0) } ?? .null,
      "strides": integers(facts.strides), "imageSize": integers(facts.imageSize),
      "epoch": facts.epoch.map { .integer($0) } ?? .null, "version": text(facts.version),
      "date": text(facts.date), "producer": text(facts.producer),
      "isStateDictionary": .bool(facts.isStateDictionary),
      "usesAverage": .bool(facts.usesAverage), "isDequantized": .bool(facts.isDequantized),
      "parameterCount": .integer(file.parameterCount), "tensors": .array(tensors),
      "convolutions": .array(convolutions),
    ]
  }
}

import Checkpoints
import Datasets
import Detection
import Graphs
import Parallel
import Quantization
import Reporting
import Tensors
import Texts
import Training

/// What `edgewise parity` found: differences of each pair, and each way's score.
struct ParityReport {
  var checkpoint: String
  var step: Int
  var target: PlacementTarget
  var arithmetic: IntegerArithmetic
  var images: Int
  var simulated: ParityRun.Comparison
  /// Of the exported model, where its values were given.
  var runtime: (name: String, comparison: ParityRun.Comparison)?
  var scores: [(name: String, metrics: DetectionMetrics)]

  init(
    _ model: DeployedModel, target: PlacementTarget, arithmetic: IntegerArithmetic,
    pictures: PictureCache, classNames: [String], runtimeOutputs: String?
  ) throws {
    (checkpoint, step, self.target, self.arithmetic) = (
      model.path, model.step, target, arithmetic
    )
    images = pictures.samples.count
    let run = try ParityRun(model, arithmetic: arithmetic)
    let levels = model.floatGraph.head!.levels
    var outputs: RuntimeOutputs?
    if let runtimeOutputs {
      let shapes = levels.flatMap { level in
        [
          ("boxes.stride\(level.stride)", level.boxes),
          ("classes.stride\(level.stride)", level.classes),
        ]
      }
      outputs = try RuntimeOutputs(
        runtimeOutputs, pictures: images,
        sites: run.sites.map { .init(name: $0.name, count: $0.shape.elementCount) },
        heads: shapes.map {
          .init(name: $0.0, count: model.floatGraph.values[$0.1].shape.elementCount)
        })
    }
    var found: [[[DetectedBox]]] = [[], [], []]
    let filter = model.recipe.evaluation.filter
    for index in pictures.samples.indices {
      let batch = try pictures.batch(BatchRequest(sampleIndices: [index]), seed: 0)
      func detections(_ heads: [HeadOutputs]) -> [DetectedBox] {
        decodeDetections(
          levels: heads, image: 0, classCount: classNames.count, filter: filter
        ).map { object in
          var object = object
          object.corners = batch.letterboxes[0].toOriginal(object.corners)
          return object
        }
      }
      let other = try outputs?.next()
      let heads = batch.images.withElements(as: UInt8.self) {
        run.run($0.baseAddress!, runtime: other?.sites)
      }
      found[0].append(detections(heads.simulated))
      found[1].append(detections(heads.integers))
      if let numbers = other?.heads {
        found[2].append(Self.withHeads(numbers, like: heads.integers, detections))
      }
    }
    simulated = run.simulated
    runtime = outputs.map { (name: $0.runtime, comparison: run.runtime) }
    var names = ["fake-quantized", "integer engine"]
    if let outputs { names.append(outputs.runtime) }
    scores = zip(names, found).map { name, boxes in
      let metrics = Training.metrics(
        of: boxes, samples: pictures.samples, classNames: classNames)
      return (name: name, metrics: metrics)
    }
  }

  /// Numbers read from a file, in the order of the levels, boxes then classes, as heads.
  private static func withHeads(
    _ numbers: [[Float]], like levels: [HeadOutputs], _ body: ([HeadOutputs]) -> [DetectedBox]
  ) -> [DetectedBox] {
    let flat = numbers.flatMap { $0 }
    return flat.withUnsafeBufferPointer { all in
      var place = all.baseAddress!
      var heads: [HeadOutputs] = []
      for (index, level) in levels.enumerated() {
        let boxes = place
        place += numbers[2 * index].count
        let classes = place
        place += numbers[2 * index + 1].count
        heads.append(HeadOutputs(boxes: boxes, classes: classes, geometry: level.geometry))
      }
      return body(heads)
    }
  }

  private var pairs: [(key: String, text: String, comparison: ParityRun.Comparison)] {
    var result: [(key: String, text: String, comparison: ParityRun.Comparison)] = [
      ("fake_quantized", "fake-quantized against the integer engine", simulated)
    ]
    if let runtime {
      result.append(("runtime", "\(runtime.name) against the integer engine", runtime.comparison))
    }
    return result
  }

  func text(showsSites: Bool) -> String {
    var lines = [
      "\(printable(checkpoint)), step \(step), target \(target.rawValue), \(arithmetic.rawValue), \(images) pictures"
    ]
    for pair in pairs {
      lines.append("")
      lines.append("\(printable(pair.text)), differences in steps of the grid")
      var table = TextTable(
        [.left("site"), .left("")]
          + ["values", "equal %", "1", "2", "more", "largest"].map { .right($0) })
      func append(_ name: String, _ kind: String, _ h: StepHistogram) {
        table.append([
          name, kind, "\(h.count)", brief(h.equalShare * 100), "\(h.one)", "\(h.two)",
          "\(h.more)", "\(h.largest)",
        ])
      }
      if showsSites {
        for site in pair.comparison.sites {
          append(site.name, "operator", site.byOperator)
          append("", "end to end", site.endToEnd)
        }
      }
      append("all sites", "operator", pair.comparison.byOperator)
      append("", "end to end", pair.comparison.endToEnd)
      lines.append(table.description)
    }
    lines.append("")
    var table = TextTable([.left("computed by"), .right("mAP50-95"), .right("mAP50")])
    for (name, metrics) in scores {
      table.append([name, brief(metrics.AP), brief(metrics.AP50)])
    }
    lines.append(table.description)
    return lines.joined(separator: "\n")
  }

  var json: JSONValue {
    var document: [String: JSONValue] = [
      "checkpoint": .string(checkpoint), "step": .integer(step),
      "target": .string(target.rawValue), "arithmetic": .string(arithmetic.rawValue),
      "images": .integer(images),
    ]
    for pair in pairs {
      document[pair.key] = [
        "operator": pair.comparison.byOperator.json,
        "end_to_end": pair.comparison.endToEnd.json,
        "sites": .array(
          pair.comparison.sites.map {
            [
              "site": .string($0.name), "operator": $0.byOperator.json,
              "end_to_end": $0.endToEnd.json,
            ]
          }),
      ]
    }
    if let runtime { document["runtime_name"] = .string(runtime.name) }
    document["scores"] = .array(
      scores.map { name, metrics in
        var values = metrics.trainingValues
        values["name"] = .string(name)
        return .object(values)
      })
    return .object(document)
  }
}

extension StepHistogram {
  /// As it stands in a JSON document.
  var json: JSONValue {
    [
      "values": .integer(count), "equal": .integer(equal), "one": .integer(one),
      "two": .integer(two), "more": .integer(more), "largest": .integer(largest),
      "equal_share": .number(equalShare),
    ]
  }
}

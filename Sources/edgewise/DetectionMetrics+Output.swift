import Checkpoints
import Detection
import Reporting

extension DetectionMetrics {
  /// The twelve numbers under COCO's names, with operating point and classes; null where there is nothing to
  /// find.
  var cocoValues: [String: JSONValue] {
    var values = operatingPoint
    for (name, value) in named { values[name] = number(value) }
    values["classes"] = .array(
      classes.map { entry in
        [
          "id": .integer(Int(entry.id)), "name": .string(entry.name), "AP": number(entry.AP),
          "AP50": number(entry.AP50), "AR100": number(entry.AR100),
          "objects": .integer(entry.objectCount),
        ]
      })
    return values
  }

  /// The names that `results.csv` and detection tools use.
  var trainingValues: [String: JSONValue] {
    var values = operatingPoint
    values["mAP50-95"] = number(AP)
    values["mAP50"] = number(AP50)
    values["mAP75"] = number(AP75)
    values["coco"] = .object(
      Dictionary(uniqueKeysWithValues: named.map { ($0.name, number($0.value)) }))
    values["classes"] = .array(
      classes.map { entry in
        [
          "id": .integer(Int(entry.id)), "name": .string(entry.name),
          "AP": number(entry.AP), "AP50": number(entry.AP50),
          "AR100": number(entry.AR100), "objects": .integer(entry.objectCount),
        ]
      })
    return values
  }

  private var operatingPoint: [String: JSONValue] {
    [
      "precision": number(bestF1.precision), "recall": number(bestF1.recall),
      "confidence": number(bestF1.confidence),
    ]
  }

  private var named: [(name: String, value: Double)] {
    let names = [
      "AP", "AP50", "AP75", "APsmall", "APmedium", "APlarge", "AR1", "AR10", "AR100", "ARsmall",
      "ARmedium", "ARlarge",
    ]
    return Array(zip(names, summary)).map { (name: $0, value: $1) }
  }

  /// Lines for a terminal: the overall numbers, then a table of classes.
  var text: String {
    var table = TextTable([
      .left("class"), .right("objects"), .right("mAP50-95"), .right("mAP50"), .right("AR100"),
    ])
    table.append([
      "all", "\(classes.reduce(0) { $0 + $1.objectCount })", shown(AP), shown(AP50), shown(AR100),
    ])
    for entry in classes {
      table.append([
        entry.name, "\(entry.objectCount)", shown(entry.AP), shown(entry.AP50),
        shown(entry.AR100),
      ])
    }
    let sizes = "small \(shown(APsmall)), medium \(shown(APmedium)), large \(shown(APlarge))"
    return """
      mAP50-95 \(shown(AP)), mAP50 \(shown(AP50)), mAP75 \(shown(AP75)); \(sizes)
      best F1 at confidence \(fixed(bestF1.confidence, 3)): precision \(shown(bestF1.precision)), \
      recall \(shown(bestF1.recall))
      \(table)
      """
  }

  /// COCO's −1 says that there was nothing to find; in JSON that is null.
  private func number(_ value: Double) -> JSONValue { value < 0 ? .null : .number(value) }

  private func shown(_ value: Double) -> String { value < 0 ? "-" : fixed(value, 4) }
}

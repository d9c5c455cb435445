import Foundation
import Tensors
import WeightFiles

/// The small files that `scripts/goldens/weight_files.py` writes.
enum Fixture {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures").path

  static func path(_ name: String) -> String { "\(folder)/\(name)" }

  static func open(_ name: String) throws -> WeightFile { try WeightFile(path: path(name)) }

  static func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path(name))))
  }

  /// Element i of tensor k, as the generator has it.
  static func number(_ k: Int, _ i: Int) -> Float { Float((5 * i + 3 * k) % 17 - 8) / 8 }

  static func numbers(_ k: Int, count: Int) -> [Float] { (0..<count).map { number(k, $0) } }

  static let convolutions = ["stem", "deep", "side", "last"]
  static let shapes = [[4, 3, 3, 3], [4, 1, 3, 3], [6, 4, 1, 1], [2, 10, 1, 1]]
}

/// The folder of real test data, where there is one.
enum TestData {
  static let root: String =
    ProcessInfo.processInfo.environment["EDGEWISE_TEST_DATA"]
    ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path + "/shared/data"

  static func weights(_ name: String) -> String { "\(root)/weights/\(name)" }

  static func exists(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: weights(name))
  }
}

/// The sentence with which a file is refused; `nil` where it is read.
func refusal(_ bytes: [UInt8]) -> String? {
  do {
    let file = try WeightFile(bytes, path: "FILE")
    for entry in file.tensors { _ = try file.read(entry.name) }
    return nil
  } catch {
    return "\(error)"
  }
}

func refusal(_ fixture: String) throws -> String? { refusal(try Fixture.bytes(fixture)) }

extension Tensor {
  var floats: [Float] { values(as: Float.self) }
}

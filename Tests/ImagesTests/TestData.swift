import Foundation

/// The folder of real test data, where there is one.
enum TestData {
  static let root: URL = {
    if let path = ProcessInfo.processInfo.environment["EDGEWISE_TEST_DATA"] {
      return URL(fileURLWithPath: path)
    }
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    return package.deletingLastPathComponent().appendingPathComponent("shared/data")
  }()

  static func path(_ name: String) -> String { root.appendingPathComponent(name).path }

  static func exists(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: path(name))
  }
}

/// A folder of its own that vanishes with its last owner.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("edgewise-images-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  func write(_ bytes: [UInt8], as name: String) throws -> String {
    try Data(bytes).write(to: url.appendingPathComponent(name))
    return path(name)
  }
}

import Benchmarks
import Foundation
import Parallel

/// The results in all `paths`, in order.
///
/// - Throws: a sentence about a file that cannot be read, or the line that is no result.
func readBenchmarkResults(_ paths: [String]) throws -> BenchmarkResults {
  var results = BenchmarkResults()
  for path in paths {
    let text = String(decoding: try readWhole(path), as: UTF8.self)
    results.append(try asBadData { try BenchmarkResults(text: text, file: path) })
  }
  return results
}

/// A file whose contents cannot be used ends the program as bad data.
func asBadData<Result>(_ work: () throws -> Result) throws -> Result {
  do { return try work() } catch let error as BenchmarkError {
    throw FailureReport(message: error.description, exitCode: 65, rank: 0)
  }
}

/// - Throws: a sentence where there is no such file.
func readWhole(_ path: String) throws(FailureReport) -> [UInt8] {
  guard let data = FileManager.default.contents(atPath: path) else {
    throw unreadable(path)
  }
  return Array(data)
}

/// What to say of a file that cannot be opened.
func unreadable(_ path: String) -> FailureReport {
  FailureReport(
    message: "\(path) cannot be read: there is no such file, or it may not be read",
    exitCode: 74, rank: 0)
}

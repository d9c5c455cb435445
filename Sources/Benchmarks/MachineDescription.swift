import Compression
import Engine
import Foundation
import MessagePassing

/// What a measurement was made on, without anything that names the machine.
public struct MachineDescription: Hashable, Sendable {
  public var processor: String
  public var processorCount: Int
  public var memoryGiB: Int
  public var operatingSystem: String
  /// Name and version of what computes, packs and sends.
  public var libraries: [String]
  public var instructionSet: String
  /// Year, month and day.
  public var date: String

  public init(
    processor: String, processorCount: Int, memoryGiB: Int, operatingSystem: String,
    libraries: [String], instructionSet: String, date: String
  ) {
    self.processor = processor
    self.processorCount = processorCount
    self.memoryGiB = memoryGiB
    self.operatingSystem = operatingSystem
    self.libraries = libraries
    self.instructionSet = instructionSet
    self.date = date
  }

  public static var current: MachineDescription {
    let cpu = Self.fields(ofFile: "/proc/cpuinfo", separator: ":")
    let system = Self.fields(ofFile: "/etc/os-release", separator: "=")
    let compute = ComputeDescription.current
    var processor = cpu["model name"] ?? "unknown processor"
    if let family = cpu["cpu family"], let model = cpu["model"] {
      processor += " (family \(family), model \(model))"
    }
    let day = Calendar(identifier: .gregorian).dateComponents(
      in: TimeZone(identifier: "UTC")!, from: Date())
    func two(_ value: Int?) -> String { (value ?? 0) < 10 ? "0\(value ?? 0)" : "\(value ?? 0)" }
    return MachineDescription(
      processor: processor, processorCount: ProcessInfo.processInfo.activeProcessorCount,
      memoryGiB: Int(
        (Double(ProcessInfo.processInfo.physicalMemory) / Double(1 << 30)).rounded()),
      operatingSystem: system["PRETTY_NAME"] ?? "unknown system",
      libraries: [compute.library, Communicator.libraryVersion, "zstd \(zstdVersion)"],
      instructionSet: compute.instructionSet,
      date: "\(day.year ?? 0)-\(two(day.month))-\(two(day.day))")
  }

  /// The first value of each key in lines of `key separator value`.
  static func fields(ofFile path: String, separator: Character) -> [String: String] {
    guard let handle = FileHandle(forReadingAtPath: path),
      let bytes = try? handle.readToEnd()
    else { return [:] }
    return fields(String(decoding: bytes, as: UTF8.self), separator: separator)
  }

  package static func fields(_ text: String, separator: Character) -> [String: String] {
    var fields: [String: String] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: separator, maxSplits: 1)
      guard parts.count == 2 else { continue }
      let ignored = CharacterSet.whitespaces.union(CharacterSet(charactersIn: "\""))
      let (key, value) = (
        parts[0].trimmingCharacters(in: ignored), parts[1].trimmingCharacters(in: ignored)
      )
      if fields[key] == nil { fields[key] = value }
    }
    return fields
  }
}

import Foundation
import Parallel

/// A picture to look at, and where the drawn one goes.
struct PictureFile {
  var source: String
  var target: String
}

/// The pictures that `paths` name, folders taken apart in the order of their names, at most `count`.
///
/// Every target lies in `output`, under the source's name; where two sources share a name, the later
/// one gets a number.
/// - Throws: a sentence where there is no picture, or one would be written over.
func pictureFiles(_ paths: [String], count: Int?, output: String) throws(FailureReport)
  -> [PictureFile]
{
  var sources: [String] = []
  for path in paths {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw FailureReport(
        message: "\(path): there is no such picture or folder", exitCode: 74, rank: 0)
    }
    guard isFolder.boolValue else {
      sources.append(path)
      continue
    }
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [])
      .filter { ["jpg", "jpeg", "png"].contains(kind(of: $0)) && !$0.hasPrefix(".") }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    if names.isEmpty {
      throw FailureReport(
        message: "\(path): the folder holds no file that ends in .jpg, .jpeg or .png", exitCode: 65,
        rank: 0)
    }
    sources += names.map { path.hasSuffix("/") ? path + $0 : "\(path)/\($0)" }
  }
  var taken: Set<String> = ["overview.jpg"]
  return try sources.prefix(count ?? .max).map { (source) throws(FailureReport) in
    let name = URL(fileURLWithPath: source).lastPathComponent
    // What is not called a JPEG is written as PNG, so it is called so.
    let ending = ["jpg", "jpeg", "png"].contains(kind(of: name)) ? kind(of: name) : "png"
    let stem =
      name.split(separator: ".").count > 1
      ? String(name.prefix(upTo: name.lastIndex(of: ".")!)) : name
    var free = "\(stem).\(ending)"
    var number = 2
    while !taken.insert(free).inserted {
      free = "\(stem)-\(number).\(ending)"
      number += 1
    }
    let target = output.hasSuffix("/") ? output + free : "\(output)/\(free)"
    guard resolved(target) != resolved(source) else {
      throw FailureReport(
        message:
          "\(target): the drawn picture would be written over the picture itself; give another --output",
        exitCode: 64, rank: 0)
    }
    return PictureFile(source: source, target: target)
  }
}

/// What stands behind the last dot, in small letters.
private func kind(of name: String) -> String {
  URL(fileURLWithPath: name).pathExtension.lowercased()
}

private func resolved(_ path: String) -> String {
  URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
}

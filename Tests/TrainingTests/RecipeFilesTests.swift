import Foundation
import Testing
import Training

/// The recipes that come with the program.
@Suite struct RecipeFilesTests {
  private static let folder = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "recipes")

  static let files: [String] =
    (try? FileManager.default.contentsOfDirectory(atPath: folder.path))?
    .filter { $0.hasSuffix(".yaml") }.sorted() ?? []

  @Test func `the recipes that the documents name are there`() {
    for name in ["acpds.yaml", "demo.yaml", "penn-fudan.yaml"] {
      #expect(Self.files.contains(name))
    }
  }

  @Test(arguments: files)
  func `it loads, is named after its file, and comes back from a checkpoint`(file: String) throws {
    let path = Self.folder.appending(path: file).path
    let recipe = try Recipe(contentsOf: path, overrides: ["data.root=/somewhere"])
    #expect(recipe.name + ".yaml" == file)
    #expect(recipe.data.root == "/somewhere")
    #expect(try Recipe(json: recipe.json) == recipe)
    #expect(recipe.resumeConflicts(with: try Recipe(contentsOf: path)).isEmpty)
  }

  @Test func `Penn-Fudan is trained as its measure demands`() throws {
    let recipe = try Recipe(contentsOf: Self.folder.appending(path: "penn-fudan.yaml").path)
    #expect(recipe.model.architecture == .yolov8n && recipe.model.inputSize == 320)
    #expect(recipe.batch == .init(size: 16, shards: 4))
    #expect(recipe.data.validationEvery == 5)
    #expect(recipe.schedule.floatEpochs == 100 && recipe.schedule.qatEpochs == 10)
  }
}

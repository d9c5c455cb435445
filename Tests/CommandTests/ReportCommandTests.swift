import Foundation
import Testing

@Suite(.enabled(if: Program.isBuilt, Comment(rawValue: Program.notBuilt)))
struct ReportCommandTests {
  @Test func `curves are drawn once and not written over`() throws {
    let file = try Program.temporaryFolder() + "/curves.svg"
    let run = try TinyRun.folder()
    let drawn = try Program.run("report", run, "--output", file)
    #expect(drawn.code == 0 && drawn.output.contains(run))
    let svg = try String(contentsOfFile: file, encoding: .utf8)
    #expect(svg.contains("mAP50-95") && svg.contains("<polyline"))
    let refused = try Program.run("report", TinyRun.folder(), "--output", file)
    #expect(refused.code == 64 && refused.sentences.count == 1)
    #expect(try Program.run("report", TinyRun.folder(), "--output", file, "--force").code == 0)
  }

  @Test func `runs side by side as JSON, and a folder that is no run by its name`() throws {
    let json = try Program.run("report", TinyRun.folder(), TinyRun.folder(), "--json").json()
    let runs = try #require(json["runs"] as? [[String: Any]])
    #expect(runs.count == 2 && (runs[0]["epochs"] as? Int ?? 0) > 0)
    let refused = try Program.run("report", "/nonexistent")
    #expect(refused.code == 74 && refused.sentences.count == 1)
    #expect(refused.errors.contains("/nonexistent/results.csv"))
  }
}

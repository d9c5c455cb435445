import Graphs
import Models
import Quantization
import Testing

@Suite struct BitRulesTests {
  private static let graph = yolov8(.n, classNames: ["car"], inputHeight: 64, inputWidth: 64)
    .placingSites(Target.tensorrt.rules)

  private func bits(_ graph: Graph, of node: String) -> Int? {
    graph.nodes.first { $0.name == node }!.weightBits
  }

  private func site(_ graph: Graph, _ name: String) -> Site {
    let node = graph.nodes.first { $0.name == "\(name).quantize" }!
    guard case .fakeQuantize(let site) = node.operation else { preconditionFailure() }
    return graph.sites[site]
  }

  @Test func `stars and question marks fit as in a shell`() {
    for (pattern, name, fits) in [
      ("model.*", "model.0.conv", true), ("*.conv", "model.0.conv", true),
      ("model.?.conv", "model.0.conv", true), ("model.?.conv", "model.10.conv", false),
      ("*1*v", "model.10.conv", true), ("*", "", true), ("", "", true), ("a", "", false),
      ("model.0", "model.0.conv", false), ("*.a*b*", "x.aab", true), ("a*a", "a", false),
    ] { #expect(NodePattern(pattern).matches(name) == fits, "\(pattern) \(name)") }
  }

  @Test func `rules are read and refused`() throws {
    let rule = try #require(BitOverride("model.4.*: w4 a8"))
    #expect((rule.weightBits, rule.activationBits) == (4, 8))
    #expect(rule.description == "model.4.*: w4 a8")
    #expect(BitOverride("a b : a3")?.pattern == NodePattern("a b"))
    for text in ["", "x", "x:", ": w4", "x: w1", "x: w9", "x: w4 w4", "x: b4", "x: w44", "x: 4"] {
      #expect(BitOverride(text) == nil, "\(text)")
    }
  }

  @Test func `the first layer and the head's last ones keep eight bits with their sites`() throws {
    let graph = try Self.graph.settingBits(BitRules(weightBits: 4, activationBits: 4))
    try graph.validate()
    let last = (0..<3).flatMap { ["model.22.cv2.\($0).2", "model.22.cv3.\($0).2"] }
    for node in graph.nodes where node.weightBits != nil {
      let isWide = (last + ["model.0.conv"]).contains(node.name)
      #expect(node.weightBits == (isWide ? 8 : 4), "\(node.name)")
    }
    #expect(site(graph, "image").bits == 8)
    #expect(site(graph, "model.0.act").bits == 8)
    #expect(site(graph, "model.22.cv2.0.1.act").bits == 8)
    #expect(site(graph, "model.22.cv2.0.0.act").bits == 4)
    #expect(site(graph, "model.1.act").bits == 4)
    // Of 4 bits the integers lie where the range is; the zero point stays 0.
    let shifted = site(graph, "model.1.act").grid(covering: -0.28, 3.9)
    #expect(shifted.zeroPoint == 0 && shifted.minimum == -1 && shifted.maximum == 14)
    #expect(site(graph, "model.0.act").shifted == nil)
  }

  @Test func `a later rule counts more, and more than the first and last layers'`() throws {
    let graph = try Self.graph.settingBits(
      BitRules(
        weightBits: 4, activationBits: 8, firstLastBits: 8,
        overrides: ["model.1.*: w2 a5", "model.?.conv: w6", "model.0.conv: a3", "model.4.*: a6"]
          .map { BitOverride($0)! }))
    #expect(bits(graph, of: "model.1.conv") == 6)
    #expect(bits(graph, of: "model.0.conv") == 6)
    #expect(bits(graph, of: "model.2.cv1.conv") == 4)
    #expect(site(graph, "model.1.act").bits == 5)
    #expect(site(graph, "model.0.act").bits == 3)
    // What a concat joins lies on one grid, whichever of its values the pattern names.
    #expect(site(graph, "model.4.cv1.act").bits == 6)
  }

  @Test func `a pattern that fits nothing is named with what is near it`() {
    let error = #expect(throws: UnmatchedPattern.self) {
      try Self.graph.settingBits(BitRules(overrides: [BitOverride("model.O.conv*: w4")!]))
    }
    #expect(error?.description.contains("`model.O.conv*: w4` fits no layer") == true)
    #expect(error?.near.contains("model.0.conv") == true)
  }
}

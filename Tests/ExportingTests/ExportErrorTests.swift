import Exporting
import Graphs
import Quantization
import Tensors
import Testing

@Suite struct ExportErrorTests {
  static func sentence(_ change: (inout ExportFixture) -> Void) -> String {
    var fixture = ExportFixture.portable
    change(&fixture)
    let error = #expect(throws: ExportError.self) {
      try exportONNX(graph: fixture.graph, weights: fixture.weights, grids: fixture.grids)
    }
    return error?.description ?? ""
  }

  @Test func `a site without a grid is named`() {
    let last = ExportFixture.portable.graph.sites.last!.name
    #expect(Self.sentence { $0.grids.removeLast() }.contains("site \(last) has no grid"))
    #expect(Self.sentence { $0.grids = [] }.contains("site image has no grid"))
    #expect(Self.sentence { $0.grids.append($0.grids[0]) }.contains("expected one grid per site"))
  }

  @Test(arguments: [0, -1, Float.nan, .infinity, .leastNonzeroMagnitude])
  func `a scale that is no positive number is named`(scale: Float) {
    let sentence = Self.sentence { $0.grids[1].scale = scale }
    let name = ExportFixture.portable.graph.sites[1].name
    #expect(sentence.contains("site \(name) has the scale \(scale)"), "\(sentence)")
  }

  @Test func `a site that saw only zeros is named`() {
    let site = ExportFixture.portable.graph.sites[1]
    let sentence = Self.sentence {
      $0.grids[1] = Grid(covering: 0, 0, bits: site.bits, symmetric: site.symmetric)
    }
    #expect(sentence.contains("site \(site.name) covers nothing but 0"), "\(sentence)")
  }

  @Test func `integers outside int8 and forbidden zero points are named`() {
    #expect(Self.sentence { $0.grids[0].maximum = 255 }.contains("expected them in int8"))
    #expect(Self.sentence { $0.grids[0].minimum = 127 }.contains("expected them in int8"))
    #expect(Self.sentence { $0.grids[0].zeroPoint = -128 }.contains("a symmetric site needs 0"))
    #expect(Self.sentence { $0.grids[0].zeroPoint = 200 }.contains("0 would not be exact"))
  }

  @Test func `missing weights and weights that are no numbers are named`() {
    let name = "model.4.m.1.cv2.conv.weight"
    #expect(
      Self.sentence { $0.weights[name] = nil }.contains("there are no weights for \(name)"))
    #expect(
      Self.sentence { f in
        f.weights[name]!.withMutableElements(as: Float.self) { $0[5] = .nan }
      }.contains("parameter \(name) holds NaN or infinity"))
    let variance = "model.0.bn.running_var"
    #expect(
      Self.sentence { f in
        f.weights[variance]!.withMutableElements(as: Float.self) { $0[0] = -1 }
      }.contains(variance))
  }

  @Test func `a damaged graph and a head that does not fit are named`() {
    #expect(Self.sentence { $0.graph.nodes[5].inputs = [9999] }.contains("node model.1.conv"))
    #expect(
      Self.sentence { $0.graph.head!.levels[0].stride = 4 }.contains("the head of stride 4"))
    #expect(Self.sentence { $0.graph.head!.levels = [] }.contains("a head with levels"))
  }
}

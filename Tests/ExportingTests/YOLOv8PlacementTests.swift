import Graphs
import Models
import Quantization
import Tensors
import Testing

@Suite struct YOLOv8PlacementTests {
  static func graph(_ target: Target) -> Graph {
    yolov8(.n, classNames: ["car"], inputHeight: 64, inputWidth: 64).placingSites(
      target.rules)
  }

  /// The site on whose grid each value lies, if it does.
  static func sites(_ graph: Graph) -> [Int?] {
    var sites = [Int?](repeating: nil, count: graph.values.count)
    for node in graph.nodes {
      if case .fakeQuantize(let site) = node.operation {
        sites[node.output] = site
      } else if node.operation.keepsGrid {
        let inputs = node.inputs.map { sites[$0] }
        sites[node.output] = Set(inputs).count == 1 ? inputs[0] : nil
      }
    }
    return sites
  }

  /// Of 57 activations and 6 sums (63 tensors), the picture and for `portable` the 6 outputs and 6
  /// fused addends … those joined by a concat share a site.
  @Test(arguments: [(Target.tensorrt, 58, 44), (.portable, 70, 56)])
  func `the number of quantized values and of sites`(target: Target, nodes: Int, sites: Int) throws
  {
    let graph = Self.graph(target)
    try graph.validate()
    let quantizers = graph.nodes.filter {
      if case .fakeQuantize = $0.operation { true } else { false }
    }
    #expect(quantizers.count == nodes)
    #expect(graph.sites.count == sites)
    #expect(Set(graph.sites.map(\.name)).count == graph.sites.count)
  }

  @Test(arguments: [Target.tensorrt, .portable])
  func `every convolution reads a grid, every concat joins one`(target: Target) {
    let graph = Self.graph(target)
    let sites = Self.sites(graph)
    for node in graph.nodes {
      switch node.operation {
      case .convolution, .slice, .upsample, .maxPool:
        #expect(sites[node.inputs[0]] != nil, "\(node.name)")
      case .concat:
        #expect(Set(node.inputs.map { sites[$0] }).count == 1, "\(node.name)")
        #expect(sites[node.inputs[0]] != nil, "\(node.name)")
      case .batchNorm, .activation: #expect(sites[node.inputs[0]] == nil, "\(node.name)")
      default: break
      }
    }
  }

  @Test func `targets differ in the second addend and in the outputs`() {
    for (target, isPortable) in [(Target.tensorrt, false), (.portable, true)] {
      let graph = Self.graph(target)
      let sites = Self.sites(graph)
      let adds = graph.nodes.filter { $0.operation == .add }
      #expect(adds.count == 6)
      for add in adds {
        #expect(sites[add.inputs[0]] != nil)
        #expect((sites[add.inputs[1]] != nil) == isPortable)
      }
      for output in graph.outputs { #expect((sites[output] != nil) == isPortable) }
      #expect(Set(graph.outputs.compactMap { sites[$0] }).count == (isPortable ? 6 : 0))
      #expect(graph.head!.levels.flatMap { [$0.boxes, $0.classes] } == graph.outputs)
    }
  }
}

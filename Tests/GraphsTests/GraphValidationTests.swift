import Foundation
import Graphs
import Tensors
import Testing

/// Damage as a file can hold it: what is changed, how, and what the sentence must name.
struct Damage: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var names: String
  var apply: @Sendable (inout Graph) -> Void

  init(
    _ description: String, names: String, _ apply: @escaping @Sendable (inout Graph) -> Void
  ) {
    testDescription = description
    self.names = names
    self.apply = apply
  }
}

@Suite struct GraphValidationTests {
  /// A detector of one level on 16×16 pixels, quantized at its input.
  static func detector() -> Graph {
    var b = GraphBuilder(name: "detector")
    let image = b.input("image", shape: [16, 16, 3])
    let boxes = b.node(
      .convolution(channels: 16, kernel: 8, stride: 8, padding: 0, groups: 1, bias: true), image,
      name: "boxes")
    let classes = b.node(
      .convolution(channels: 2, kernel: 8, stride: 8, padding: 0, groups: 1, bias: true), image,
      name: "classes")
    b.output(boxes)
    b.output(classes)
    b.setHead(
      DetectorHead(
        levels: [.init(boxes: boxes.index, classes: classes.index, stride: 8)],
        classNames: ["car", "bus"], bins: 4))
    var graph = b.graph
    graph.values.append(Value(name: "quantized", shape: [16, 16, 3]))
    graph.sites = [
      Site(name: "image", bits: 8, symmetric: true, fixedRange: .init(low: 0, high: 1))
    ]
    graph.nodes.insert(
      Node(
        name: "quantize", operation: .fakeQuantize(site: 0), inputs: [0],
        output: graph.values.count - 1), at: 0)
    for index in 1..<graph.nodes.count {
      graph.nodes[index].inputs = [graph.values.count - 1]
      graph.nodes[index].weightBits = 8
    }
    return graph
  }

  @Test func `sound graphs pass`() throws {
    try tinyGraph().validate()
    try Self.detector().validate()
  }

  @Test(arguments: [
    Damage("an input that is no value", names: "input 99") { $0.inputs = [99] },
    Damage("an output that is no value", names: "output 99") { $0.outputs.append(99) },
    Damage("a node that reads the future", names: "quantize") { $0.nodes[0].inputs = [1] },
    Damage("a node that reads a negative number", names: "boxes") { $0.nodes[1].inputs = [-1] },
    Damage("two nodes that make one value", names: "classes") { $0.nodes[2].output = 1 },
    Damage("a node that overwrites the input", names: "quantize") { $0.nodes[0].output = 0 },
    Damage("a wrong declared shape", names: "declares shape [1, 2, 3]") {
      $0.values[1].shape = [1, 2, 3]
    },
    Damage("a picture without pixels", names: "quantize") { $0.values[0].shape = [0, 16, 3] },
    Damage("a picture of rank 2", names: "quantize") { $0.values[0].shape = [16, 3] },
    Damage("a picture that overflows", names: "value image") {
      $0.values[0].shape = Shape([.max, .max, 3])
    },
    Damage("a parameter too few", names: "needs 2 parameters, has 1") {
      $0.nodes[1].parameters.removeLast()
    },
    Damage("a parameter that is none", names: "parameter 99") { $0.nodes[1].parameters[0] = 99 },
    Damage("a parameter used twice", names: "classes") { $0.nodes[2].parameters = [0, 1] },
    Damage("a parameter of no node", names: "extra belongs to no node") {
      $0.parameters.append(Parameter(name: "extra", shape: [1], role: .bias))
    },
    Damage("a parameter of another shape", names: "boxes.weight") {
      $0.parameters[0].shape = [16, 3, 8, 7]
    },
    Damage("a parameter of another role", names: "boxes.weight") { $0.parameters[0].role = .scale },
    Damage("a parameter that overflows", names: "boxes.weight has the shape") {
      $0.parameters[0].shape = Shape([.max, 2])
    },
    Damage("a site that does not exist", names: "site 1") {
      $0.nodes[0].operation = .fakeQuantize(site: 1)
    },
    Damage("a site of 9 bits", names: "image has 9 bits") { $0.sites[0].bits = 9 },
    Damage("a site with a range upside down", names: "range 1.0 ... 0.0") {
      $0.sites[0].fixedRange = .init(low: 1, high: 0)
    },
    Damage("weights of one bit", names: "1 bits") { $0.nodes[1].weightBits = 1 },
    Damage("two nodes of one name", names: "boxes") { $0.nodes[2].name = "boxes" },
    Damage("two parameters of one name", names: "boxes.weight") {
      $0.parameters[2].name = "boxes.weight"
    },
    Damage("a head that reads no output", names: "stride 8") { $0.head!.levels[0].boxes = 0 },
    Damage("a head with a class too many", names: "stride 8") {
      $0.head!.classNames.append("tram")
    },
    Damage("a head without classes", names: "0 classes") { $0.head!.classNames = [] },
    Damage("a head with impossible bins", names: "bins") { $0.head!.bins = .max },
    Damage("a head with stride 0", names: "stride 0") { $0.head!.levels[0].stride = 0 },
  ])
  func `damage is refused in a sentence that names it`(damage: Damage) {
    var graph = Self.detector()
    damage.apply(&graph)
    let error = #expect(throws: GraphError.self) { try graph.validate() }
    let sentence = error?.description ?? ""
    #expect(sentence.hasPrefix("graph detector"))
    #expect(sentence.contains(damage.names), "\(sentence)")
  }

  @Test(arguments: [-1, 0, 1 << 21, 1 << 40, Int.max, Int.min])
  func `no number in a file stops the program`(number: Int) throws {
    for graph in [tinyGraph(), Self.detector()] {
      let text = String(decoding: try JSONEncoder().encode(graph), as: UTF8.self)
      let places = text.ranges(of: /-?[0-9]+/)
      #expect(places.count > 50)
      for place in places {
        var damaged = text
        damaged.replaceSubrange(place, with: String(number))
        guard let read = try? JSONDecoder().decode(Graph.self, from: Data(damaged.utf8)),
          (try? read.validate()) != nil
        else { continue }
        // What passes must be usable.
        #expect(!read.text.isEmpty)
        #expect(read.consumers().count == read.values.count)
        _ = ParameterLayout(read)
      }
    }
  }
}

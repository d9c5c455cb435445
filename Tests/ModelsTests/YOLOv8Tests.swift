import Graphs
import Models
import Tensors
import Testing

@Suite struct YOLOv8Tests {
  static let classNames80 = (0..<80).map { "class \($0)" }

  /// *Source:* the published model table. It counts the 16 fixed weights of the expectation over bins,
  /// which are no parameters of the graph: decoding lies outside it.
  @Test(arguments: [
    (YOLOv8Size.n, 3_157_200), (.s, 11_166_560), (.m, 25_902_640), (.l, 43_691_520),
    (.x, 68_229_648),
  ])
  func `every size has the published number of parameters`(size: YOLOv8Size, count: Int) throws {
    let graph = yolov8(size, classNames: Self.classNames80, inputHeight: 64, inputWidth: 64)
    try graph.validate()
    #expect(graph.publishedParameterCount == count)
    #expect(graph.trainableParameterCount == count - 16)
    // The two vectors of the layout hold them and gaps of less than a cache line each.
    let layout = ParameterLayout(graph)
    #expect(layout.trainable.reduce(0) { $0 + $1.count } == count - 16)
  }

  @Test func `names and shapes are those of Ultralytics' checkpoints`() {
    let graph = yolov8(.n, classNames: Self.classNames80, inputHeight: 64, inputWidth: 64)
    let own = graph.parameters.map {
      "\($0.name) \($0.shape.extents.map(String.init).joined(separator: "x"))"
    }
    let theirs = yolov8nState.split(separator: "\n").map(String.init)
    #expect(theirs.count == 297)
    #expect(own.sorted() == theirs.sorted())
  }

  @Test(arguments: [(64, 64), (96, 160), (320, 320)])
  func `a head per stride covers the picture`(height: Int, width: Int) throws {
    let graph = yolov8(.n, classNames: ["car", "bus"], inputHeight: height, inputWidth: width)
    let head = try #require(graph.head)
    #expect(head.levels.map(\.stride) == [8, 16, 32])
    #expect(head.bins == 16)
    for level in head.levels {
      let (h, w) = (height / level.stride, width / level.stride)
      #expect(graph.values[level.boxes].shape == [h, w, 64])
      #expect(graph.values[level.classes].shape == [h, w, 2])
    }
    #expect(graph.outputs == head.levels.flatMap { [$0.boxes, $0.classes] })
  }

  @Test(arguments: Activation.allCases)
  func `the activation is the one asked for, everywhere`(activation: Activation) {
    let graph = yolov8(
      .n, classNames: ["car"], inputHeight: 32, inputWidth: 32, activation: activation)
    let found = graph.nodes.compactMap { node -> Activation? in
      if case .activation(let kind) = node.operation { kind } else { nil }
    }
    #expect(found.count == 57)
    #expect(found.allSatisfy { $0 == activation })
  }
}

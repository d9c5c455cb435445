public import Graphs
import Tensors

/// YOLOv8 as a graph: backbone, feature pyramid, and a head per stride 8, 16 and 32.
///
/// Parameters carry the names that Ultralytics' checkpoints use (`model.0.conv.weight`, …), so that
/// weights move between the two by name.
///
/// - Parameters:
///   - inputHeight, inputWidth: pixels, multiples of 32.
/// - Returns: a graph with six outputs: boxes and classes of each level.
public func yolov8(
  _ size: YOLOv8Size, classNames: [String], inputHeight: Int, inputWidth: Int,
  activation: Activation = .silu
) -> Graph {
  precondition(inputHeight % 32 == 0 && inputWidth % 32 == 0, "\(inputHeight)×\(inputWidth)")
  precondition(!classNames.isEmpty, "a detector needs a class")
  var net = YOLOv8Builder(
    graph: GraphBuilder(name: "yolov8\(size.rawValue)"), activation: activation)
  let c = size.channels
  let image = net.graph.input("image", shape: [inputHeight, inputWidth, 3])

  let x0 = net.block(image, c(64), kernel: 3, stride: 2, name: "model.0")
  let x1 = net.block(x0, c(128), kernel: 3, stride: 2, name: "model.1")
  let x2 = net.c2f(x1, c(128), repeats: size.repeats(3), shortcut: true, name: "model.2")
  let x3 = net.block(x2, c(256), kernel: 3, stride: 2, name: "model.3")
  let x4 = net.c2f(x3, c(256), repeats: size.repeats(6), shortcut: true, name: "model.4")
  let x5 = net.block(x4, c(512), kernel: 3, stride: 2, name: "model.5")
  let x6 = net.c2f(x5, c(512), repeats: size.repeats(6), shortcut: true, name: "model.6")
  let x7 = net.block(x6, c(1024), kernel: 3, stride: 2, name: "model.7")
  let x8 = net.c2f(x7, c(1024), repeats: size.repeats(3), shortcut: true, name: "model.8")
  let x9 = net.pyramidPool(x8, c(1024), name: "model.9")

  let repeats = size.repeats(3)
  let x12 = net.c2f(
    net.join(net.up(x9, name: "model.10"), x6, name: "model.11"), c(512), repeats: repeats,
    shortcut: false, name: "model.12")
  let x15 = net.c2f(
    net.join(net.up(x12, name: "model.13"), x4, name: "model.14"), c(256), repeats: repeats,
    shortcut: false, name: "model.15")
  let x16 = net.block(x15, c(256), kernel: 3, stride: 2, name: "model.16")
  let x18 = net.c2f(
    net.join(x16, x12, name: "model.17"), c(512), repeats: repeats, shortcut: false,
    name: "model.18")
  let x19 = net.block(x18, c(512), kernel: 3, stride: 2, name: "model.19")
  let x21 = net.c2f(
    net.join(x19, x9, name: "model.20"), c(1024), repeats: repeats, shortcut: false,
    name: "model.21")

  let bins = 16
  let features = [x15, x18, x21]
  let finest = net.graph.shape(of: x15)[2]
  let boxChannels = max(16, finest / 4, bins * 4)
  let classChannels = max(finest, min(classNames.count, 100))
  var levels: [DetectorHead.Level] = []
  for (level, feature) in features.enumerated() {
    let boxes = net.branch(
      feature, hidden: boxChannels, out: 4 * bins, name: "model.22.cv2.\(level)")
    let classes = net.branch(
      feature, hidden: classChannels, out: classNames.count, name: "model.22.cv3.\(level)")
    net.graph.output(boxes)
    net.graph.output(classes)
    levels.append(.init(boxes: boxes.index, classes: classes.index, stride: 8 << level))
  }
  net.graph.setHead(DetectorHead(levels: levels, classNames: classNames, bins: bins))
  return net.graph.graph
}

/// The blocks that YOLOv8 is made of.
private struct YOLOv8Builder {
  typealias Handle = GraphBuilder.Handle

  var graph: GraphBuilder
  let activation: Activation

  /// Convolution, batch norm, activation; "same" padding.
  mutating func block(_ x: Handle, _ channels: Int, kernel: Int, stride: Int = 1, name: String)
    -> Handle
  {
    let y = graph.node(
      .convolution(
        channels: channels, kernel: kernel, stride: stride, padding: kernel / 2, groups: 1,
        bias: false), x, name: "\(name).conv")
    let z = graph.node(.batchNorm(epsilon: 1e-3, momentum: 0.03), y, name: "\(name).bn")
    return graph.node(.activation(activation), z, name: "\(name).act")
  }

  /// Cross-stage block: half of the channels pass through a chain of bottlenecks, every stage is kept.
  mutating func c2f(_ x: Handle, _ channels: Int, repeats: Int, shortcut: Bool, name: String)
    -> Handle
  {
    let hidden = channels / 2
    let both = block(x, 2 * hidden, kernel: 1, name: "\(name).cv1")
    var stages = [
      graph.node(.slice(from: 0, count: hidden), both, name: "\(name).first"),
      graph.node(.slice(from: hidden, count: hidden), both, name: "\(name).second"),
    ]
    for i in 0..<repeats {
      let input = stages[stages.count - 1]
      let inner = block(input, hidden, kernel: 3, name: "\(name).m.\(i).cv1")
      let outer = block(inner, hidden, kernel: 3, name: "\(name).m.\(i).cv2")
      stages.append(
        shortcut ? graph.node(.add, input, outer, name: "\(name).m.\(i).add") : outer)
    }
    let joined = graph.node(.concat, stages, name: "\(name).concat")
    return block(joined, channels, kernel: 1, name: "\(name).cv2")
  }

  /// Spatial pyramid pooling: three chained 5×5 max pools beside their input.
  mutating func pyramidPool(_ x: Handle, _ channels: Int, name: String) -> Handle {
    var stages = [block(x, graph.shape(of: x)[2] / 2, kernel: 1, name: "\(name).cv1")]
    for i in 1...3 {
      stages.append(
        graph.node(
          .maxPool(kernel: 5, stride: 1, padding: 2), stages[i - 1], name: "\(name).pool\(i)"))
    }
    let joined = graph.node(.concat, stages, name: "\(name).concat")
    return block(joined, channels, kernel: 1, name: "\(name).cv2")
  }

  mutating func up(_ x: Handle, name: String) -> Handle {
    graph.node(.upsample(factor: 2), x, name: name)
  }

  mutating func join(_ a: Handle, _ b: Handle, name: String) -> Handle {
    graph.node(.concat, a, b, name: name)
  }

  /// Two 3×3 blocks and a 1×1 convolution with bias: one half of the head at one level.
  mutating func branch(_ x: Handle, hidden: Int, out: Int, name: String) -> Handle {
    let a = block(x, hidden, kernel: 3, name: "\(name).0")
    let b = block(a, hidden, kernel: 3, name: "\(name).1")
    return graph.node(
      .convolution(channels: out, kernel: 1, stride: 1, padding: 0, groups: 1, bias: true), b,
      name: "\(name).2")
  }
}

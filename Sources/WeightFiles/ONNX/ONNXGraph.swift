/// A node of an ONNX graph.
struct ONNXNode: Sendable {
  var name = ""
  var type = ""
  var inputs: [String] = []
  var outputs: [String] = []
  /// Whole numbers, one or several.
  var integers: [String: [Int]] = [:]
  /// Of a node `Constant`.
  var constant: ONNXTensor?

  /// The name of input `index`; `nil` where it is left out.
  func input(_ index: Int) -> String? {
    index < inputs.count && !inputs[index].isEmpty ? inputs[index] : nil
  }

  func integer(_ name: String, _ otherwise: Int) -> Int { integers[name]?.first ?? otherwise }
}

/// What of an ONNX file concerns weights: nodes in order, constants, metadata.
///
/// Graphs within nodes (`If`, `Loop`) are not entered. *Source:* the field numbers of `onnx.proto`.
struct ONNXGraph: Sendable {
  private(set) var nodes: [ONNXNode] = []
  /// Initializers and outputs of `Constant`.
  private(set) var constants: [String: ONNXTensor] = [:]
  private(set) var inputs: Set<String> = []
  private(set) var metadata: [String: String] = [:]
  private(set) var producer: String?
  /// The node that makes a value.
  private(set) var makers: [String: Int] = [:]
  /// The nodes that read a value, ascending.
  private(set) var readers: [String: [Int]] = [:]

  private var itemCount = 0

  init(_ bytes: Bytes) throws(WeightFileError) {
    var reader = ProtobufReader(bytes, of: "the model")
    var graphCount = 0
    while let (number, value) = try reader.next() {
      switch number {
      case 2:
        let name = try value.bytes?.text(of: "the producer's name")
        producer = name.flatMap { $0.isEmpty ? nil : $0 }
      case 7:
        guard let graph = value.bytes else { break }
        graphCount += 1
        guard graphCount == 1 else {
          throw bytes.damaged("the model has several graphs", expected: "one")
        }
        try readGraph(graph)
      case 14:
        if let entry = value.bytes { try readMetadata(entry) }
      default: break
      }
    }
    guard graphCount == 1 else {
      throw bytes.unsupported(
        "it holds no graph of ONNX", "give a .pt, .safetensors, .npz, .onnx or .tflite file")
    }
    try connect(bytes)
  }

  private mutating func charge(_ count: Int, _ bytes: Bytes) throws(WeightFileError) {
    itemCount += count
    guard itemCount <= bytes.limits.itemCount >> 1 else {
      throw bytes.limit("a model of more parts", "\(bytes.limits.itemCount >> 1)")
    }
  }

  private mutating func readMetadata(_ entry: Bytes) throws(WeightFileError) {
    try charge(1, entry)
    var reader = ProtobufReader(entry, of: "the metadata")
    var pair = ["", ""]
    while let (number, value) = try reader.next() {
      if number == 1 || number == 2, let bytes = value.bytes {
        pair[number - 1] = String(decoding: bytes.pointer, as: UTF8.self)
      }
    }
    metadata[pair[0]] = pair[1]
  }

  private mutating func readGraph(_ graph: Bytes) throws(WeightFileError) {
    var reader = ProtobufReader(graph, of: "the graph")
    while let (number, value) = try reader.next() {
      guard let part = value.bytes else { continue }
      switch number {
      case 1:
        try charge(1, part)
        nodes.append(try node(part))
      case 5:
        try charge(1, part)
        try addConstant(try ONNXTensor(part), part)
      case 11:
        try charge(1, part)
        var reader = ProtobufReader(part, of: "an input")
        while let (number, value) = try reader.next() {
          if number == 1, let name = value.bytes { inputs.insert(try name.text(of: "a name")) }
        }
      default: break
      }
    }
    for node in nodes where node.type == "Constant" {
      if let constant = node.constant, let name = node.outputs.first {
        try addConstant(constant, graph, name: name)
      }
    }
    inputs.subtract(constants.keys)
  }

  private mutating func addConstant(
    _ tensor: ONNXTensor, _ bytes: Bytes, name: String? = nil
  ) throws(WeightFileError) {
    let name = name ?? tensor.name
    guard constants.updateValue(tensor, forKey: name) == nil else {
      throw bytes.damaged("the tensor \(quoted(name)) is there twice", expected: "names used once")
    }
  }

  private mutating func node(_ message: Bytes) throws(WeightFileError) -> ONNXNode {
    var reader = ProtobufReader(message, of: "a node")
    var node = ONNXNode()
    while let (number, value) = try reader.next() {
      guard let part = value.bytes else { continue }
      switch number {
      case 1:
        try charge(1, part)
        node.inputs.append(try part.text(of: "a value's name"))
      case 2:
        try charge(1, part)
        node.outputs.append(try part.text(of: "a value's name"))
      case 3: node.name = try part.text(of: "a node's name")
      case 4: node.type = try part.text(of: "a node's type")
      case 5:
        try charge(1, part)
        try readAttribute(part, into: &node)
      default: break
      }
    }
    return node
  }

  private func readAttribute(
    _ message: Bytes, into node: inout ONNXNode
  ) throws(WeightFileError) {
    var reader = ProtobufReader(message, of: "an attribute")
    var name = ""
    var integers: [Int] = []
    var tensor: ONNXTensor?
    while let (number, value) = try reader.next() {
      switch number {
      case 1: name = try value.bytes?.text(of: "an attribute's name") ?? ""
      case 3: if let integer = value.integer { integers = [integer] }
      case 5: if let part = value.bytes { tensor = try ONNXTensor(part) }
      case 8:
        // The shapes and strides that matter are short; a long list belongs to an operation that does not.
        try value.appendIntegers(
          to: &integers, limit: message.limits.itemCount, of: "an attribute")
      default: break
      }
    }
    if name == "value", let tensor { node.constant = tensor }
    if !integers.isEmpty, integers.count <= 64 { node.integers[name] = integers }
  }

  private mutating func connect(_ bytes: Bytes) throws(WeightFileError) {
    for (index, node) in nodes.enumerated() {
      for output in node.outputs where !output.isEmpty {
        guard makers.updateValue(index, forKey: output) == nil else {
          throw bytes.damaged("two nodes make the value \(quoted(output))", expected: "one")
        }
      }
      for input in node.inputs where !input.isEmpty {
        if readers[input, default: []].last != index { readers[input, default: []].append(index) }
      }
    }
  }
}

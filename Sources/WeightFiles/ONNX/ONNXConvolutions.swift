/// The convolutions of an ONNX graph: in order of execution, with their weights, biases and connections.
struct ONNXConvolutions {
  struct Found {
    let node: Int
    var weight: ONNXRecipe
    var bias: ONNXRecipe?
    var inputs: [Int]
  }

  private(set) var found: [Found] = []
  /// Constants that belong to a quantized weight or bias: its integers, scales, zero points.
  private(set) var consumed: Set<String> = []

  private let graph: ONNXGraph
  private let bytes: Bytes

  init(_ graph: ONNXGraph, _ bytes: Bytes) throws(WeightFileError) {
    self.graph = graph
    self.bytes = bytes
    let order = try executionOrder()
    // What convolutions a value comes from with none between; ascending, -1 the network's input.
    var sources: [String: [Int]] = [:]
    var sourceCount = 0
    for index in order {
      let node = graph.nodes[index]
      var merged: Set<Int> = []
      for input in node.inputs where !input.isEmpty && graph.constants[input] == nil {
        if graph.inputs.contains(input) { merged.insert(-1) }
        let behind = sources[input] ?? []
        sourceCount += behind.count
        merged.formUnion(behind)
      }
      var result = merged.sorted()
      if let convolution = try convolution(index, inputs: result) {
        guard found.count < 4096 else { throw bytes.limit("more convolutions", "4096") }
        found.append(convolution)
        result = [found.count - 1]
      }
      sourceCount += result.count
      guard sourceCount <= bytes.limits.itemCount << 2 else {
        throw bytes.limit("more connections", "\(bytes.limits.itemCount << 2)")
      }
      // Scale and zero point of a dynamically quantized value are no way for an image.
      let outputs =
        node.type == "DynamicQuantizeLinear" ? node.outputs.prefix(1) : node.outputs[...]
      for output in outputs where !output.isEmpty { sources[output] = result }
    }
  }

  /// The nodes such that every one comes behind those it reads; as in the file where that is so.
  private func executionOrder() throws(WeightFileError) -> [Int] {
    let count = graph.nodes.count
    var missing = graph.nodes.map { node in
      Set(node.inputs.compactMap { graph.makers[$0] }).count
    }
    // Taken in the file's order, which the format prescribes: then one round is enough.
    var order: [Int] = []
    order.reserveCapacity(count)
    var waiting = (0..<count).filter { missing[$0] == 0 }
    var next = 0
    while next < waiting.count {
      let index = waiting[next]
      next += 1
      order.append(index)
      var seen: Set<Int> = []
      for output in graph.nodes[index].outputs {
        for reader in graph.readers[output] ?? [] where seen.insert(reader).inserted {
          missing[reader] -= 1
          if missing[reader] == 0 { waiting.append(reader) }
        }
      }
    }
    guard order.count == count else {
      throw bytes.damaged("the graph's nodes wait for one another", expected: "no cycle")
    }
    // Nodes in the file's order if that is an order of execution.
    var done = [Bool](repeating: false, count: count)
    for (index, node) in graph.nodes.enumerated() {
      for input in node.inputs {
        if let maker = graph.makers[input], !done[maker] { return order }
      }
      done[index] = true
    }
    return Array(0..<count)
  }

  private mutating func convolution(
    _ index: Int, inputs: [Int]
  ) throws(WeightFileError) -> Found? {
    let node = graph.nodes[index]
    let weight: ONNXRecipe?
    var bias: ONNXRecipe?
    switch node.type {
    case "Conv":
      weight = try stored(node.input(1), of: node)
      bias = node.input(2).flatMap { graph.recipe($0) }
    case "QLinearConv":
      weight = try stored(node.input(3), of: node, zero: node.input(5), scale: node.input(4))
      if let name = node.input(8), let inputScale = node.input(1), let scale = node.input(4) {
        bias = graph.recipe(name, scales: [inputScale, scale])
        bias?.isDequantized = true
      }
    case "ConvInteger":
      guard let scale = scaleBehind(node) else {
        throw bytes.unsupported(
          "the scale of the convolution \(quoted(node.name)) was not found",
          "give a float export, or one in QDQ form")
      }
      weight = try stored(node.input(1), of: node, zero: node.input(3), scale: scale)
    default: return nil
    }
    guard let weight else { return nil }
    guard weight.shape.count == 4 else {
      // Convolutions over one or three axes are not of images; they stay tensors by name.
      return nil
    }
    if bias == nil { bias = biasBehind(node, channels: weight.shape[0]) }
    bias?.shape = [weight.shape[0]]
    for recipe in [weight, bias] {
      if let recipe { consume(recipe) }
    }
    return Found(node: index, weight: weight, bias: bias, inputs: inputs)
  }

  /// *Throws:* where the weight is an input of the graph; `nil` where it is computed.
  private func stored(
    _ name: String?, of node: ONNXNode, zero: String? = nil, scale: String? = nil
  ) throws(WeightFileError) -> ONNXRecipe? {
    guard let name else { return nil }
    if let recipe = graph.recipe(name, zero: zero, scales: scale.map { [$0] } ?? []) {
      return recipe
    }
    if graph.inputs.contains(name) {
      throw bytes.unsupported(
        "the weight \(quoted(name)) of the convolution \(quoted(node.name)) is an input of the graph, not stored",
        "export the model with its weights (keep_initializers_as_inputs=False)")
    }
    return nil
  }

  private mutating func consume(_ recipe: ONNXRecipe) {
    guard recipe.isDequantized else { return }
    consumed.insert(recipe.origin)
    consumed.formUnion(recipe.scales)
    if let zero = recipe.zero { consumed.insert(zero) }
    for index in graph.origin(of: recipe.value)?.path ?? [] {
      consumed.formUnion(graph.nodes[index].inputs.dropFirst())
    }
  }

  /// Of a dynamically quantized convolution: `Cast`, then `Mul` by the product of both scales.
  private func scaleBehind(_ node: ONNXNode) -> String? {
    var value = node.outputs.first
    for _ in 0..<4 {
      guard let name = value, let readers = graph.readers[name], readers.count == 1,
        let reader = readers.first
      else { return nil }
      let next = graph.nodes[reader]
      guard next.type == "Cast" || next.type == "Mul" else { return nil }
      if next.type == "Mul", let other = next.inputs.first(where: { $0 != name }) {
        if graph.recipe(other) != nil { return other }
        guard let maker = graph.makers[other], graph.nodes[maker].type == "Mul" else { return nil }
        return graph.nodes[maker].inputs.first { graph.recipe($0) != nil }
      }
      value = next.outputs.first
    }
    return nil
  }

  /// A bias that stands in an addition of its own behind the convolution.
  private func biasBehind(_ node: ONNXNode, channels: Int) -> ONNXRecipe? {
    var value = node.outputs.first
    for _ in 0..<6 {
      guard let name = value, let readers = graph.readers[name], readers.count == 1,
        let reader = readers.first
      else { return nil }
      let next = graph.nodes[reader]
      switch next.type {
      case "Cast", "Identity", "QuantizeLinear", "DequantizeLinear": value = next.outputs.first
      case "Mul" where node.type == "ConvInteger": value = next.outputs.first
      case "Add":
        guard let other = next.inputs.first(where: { $0 != name }),
          let recipe = graph.recipe(other), recipe.shape.reduce(1, { $0 &* $1 }) == channels
        else { return nil }
        return recipe
      case "QLinearAdd":
        // A, its scale and zero point, B, its scale and zero point, those of the result.
        let first = next.input(0) == name ? 3 : 0
        guard let other = next.input(first), let scale = next.input(first + 1),
          var recipe = graph.recipe(other, zero: next.input(first + 2), scales: [scale]),
          recipe.shape.reduce(1, { $0 &* $1 }) == channels
        else { return nil }
        recipe.isDequantized = true
        return recipe
      default: return nil
      }
    }
    return nil
  }
}

import SwiftProtobuf

/// Collects the nodes and constants of an ONNX graph; every tensor gets a name of its own.
///
/// A node carries the name of its output.
struct ONNXWriter {
  enum Attribute {
    case float(String, Float)
    case integer(String, Int)
    case integers(String, [Int])
    case string(String, String)
  }

  /// The numbers ONNX gives to element types.
  enum ElementType: Int32 {
    case float32 = 1
    case uint8 = 2
    case int8 = 3
    case int32 = 6
    case int64 = 7
  }

  private(set) var graph = Onnx_GraphProto()
  private var used: Set<String>

  /// - Parameter reserved: names that only `output:` and `input` may give.
  init(name: String, reserved: [String]) {
    graph.name = name
    used = Set(reserved)
  }

  /// `wish`, or `wish.1`, `wish.2`, … if that is taken.
  mutating func unique(_ wish: String) -> String {
    var name = wish
    var number = 0
    while !used.insert(name).inserted {
      number += 1
      name = "\(wish).\(number)"
    }
    return name
  }

  /// Adds a node with one output and returns the output's name.
  ///
  /// - Parameters:
  ///   - name: what it should be called; made unique.
  ///   - output: a reserved name instead.
  mutating func node(
    _ type: String, _ inputs: [String], name: String, output: String? = nil,
    _ attributes: [Attribute] = []
  ) -> String {
    let result = output ?? unique(name)
    var node = Onnx_NodeProto()
    node.opType = type
    node.name = result
    node.input = inputs
    node.output = [result]
    node.attribute = attributes.map(Self.message)
    graph.node.append(node)
    return result
  }

  mutating func constant(_ values: [Float], shape: [Int], name: String) -> String {
    var tensor = Onnx_TensorProto()
    tensor.floatData = values
    return append(tensor, .float32, shape, name)
  }

  mutating func constant(_ values: [Int8], shape: [Int], name: String) -> String {
    var tensor = Onnx_TensorProto()
    tensor.int32Data = values.map(Int32.init)
    return append(tensor, .int8, shape, name)
  }

  mutating func constant(_ values: [UInt8], shape: [Int], name: String) -> String {
    var tensor = Onnx_TensorProto()
    tensor.int32Data = values.map(Int32.init)
    return append(tensor, .uint8, shape, name)
  }

  mutating func constant(_ values: [Int32], shape: [Int], name: String) -> String {
    var tensor = Onnx_TensorProto()
    tensor.int32Data = values
    return append(tensor, .int32, shape, name)
  }

  /// A vector of int64: what ONNX takes shapes, axes and positions from.
  mutating func constant(_ values: [Int], name: String) -> String {
    var tensor = Onnx_TensorProto()
    tensor.int64Data = values.map(Int64.init)
    return append(tensor, .int64, [values.count], name)
  }

  private mutating func append(
    _ tensor: Onnx_TensorProto, _ type: ElementType, _ shape: [Int], _ name: String
  ) -> String {
    var tensor = tensor
    tensor.name = unique(name)
    tensor.dataType = type.rawValue
    tensor.dims = shape.map(Int64.init)
    graph.initializer.append(tensor)
    return tensor.name
  }

  /// Declares a float input; `nil` in the shape is the number of pictures, left open.
  mutating func input(_ name: String, shape: [Int?]) {
    graph.input.append(Self.declaration(name, shape))
  }

  mutating func output(_ name: String, shape: [Int?]) {
    graph.output.append(Self.declaration(name, shape))
  }

  private static func declaration(_ name: String, _ shape: [Int?]) -> Onnx_ValueInfoProto {
    var info = Onnx_ValueInfoProto()
    info.name = name
    info.type.tensorType.elemType = ElementType.float32.rawValue
    info.type.tensorType.shape.dim = shape.map { extent in
      var dimension = Onnx_TensorShapeProto.Dimension()
      if let extent { dimension.dimValue = Int64(extent) } else { dimension.dimParam = "batch" }
      return dimension
    }
    return info
  }

  private static func message(_ attribute: Attribute) -> Onnx_AttributeProto {
    var message = Onnx_AttributeProto()
    switch attribute {
    case .float(let name, let value):
      message.name = name
      message.f = value
      message.type = 1
    case .integer(let name, let value):
      message.name = name
      message.i = Int64(value)
      message.type = 2
    case .string(let name, let value):
      message.name = name
      message.s = value
      message.type = 3
    case .integers(let name, let values):
      message.name = name
      message.ints = values.map(Int64.init)
      message.type = 7
    }
    return message
  }
}

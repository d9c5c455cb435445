/// A TFLite model as a value: what the file says, before it is bytes.
package struct TFLiteModel: Sendable {
  package enum ElementType: Sendable {
    case int8, int32
  }

  /// Scales and zero points of a tensor; one of each, or one per index of an axis.
  package struct Quantization: Hashable, Sendable {
    package var scales: [Float]
    package var zeroPoints: [Int32]
    /// The axis that several scales run along.
    package var axis: Int

    package init(scales: [Float], zeroPoints: [Int32], axis: Int) {
      self.scales = scales
      self.zeroPoints = zeroPoints
      self.axis = axis
    }
  }

  package struct Tensor: Sendable {
    package var name: String
    package var shape: [Int]
    package var type: ElementType
    package var quantization: Quantization?
    /// Little-endian; `nil` for what is computed.
    package var constant: [UInt8]?
  }

  /// What is fused into an operator behind its sum.
  package enum Activation: Sendable {
    case none, relu, relu6
  }

  package enum Operation: Hashable, Sendable {
    /// Inputs: value, weight `[O, K, K, C/groups]`, bias `[O]`.
    case convolution(stride: Int, isSame: Bool, activation: Activation)
    /// Inputs: value, weight `[1, K, K, O]`, bias `[O]`.
    case depthwiseConvolution(stride: Int, isSame: Bool, multiplier: Int, activation: Activation)
    case add(activation: Activation)
    case multiply
    case logistic
    /// Along the channels.
    case concatenation
    case maxPool(kernel: Int, stride: Int, isSame: Bool)
    /// Inputs: value, axes; all axes stay with extent 1.
    case mean
    /// Inputs: value, `[4, 2]` amounts. Fills with the zero point.
    case pad
    /// Inputs: value, `[4, 2]` amounts, what to fill with.
    case padWithValue
    /// Inputs: value, shape.
    case reshape
    /// Inputs: value, `[height, width]`. Pixel `i` is `floor(i·in/out)`.
    case resizeNearest
    /// Inputs: value, begin, size.
    case slice
  }

  package struct Operator: Sendable {
    package var operation: Operation
    package var inputs: [Int]
    package var output: Int
  }

  package var name: String
  package var tensors: [Tensor] = []
  package var operators: [Operator] = []
  /// Tensors with the names by which the signature hands them in and out.
  package var inputs: [(name: String, tensor: Int)] = []
  package var outputs: [(name: String, tensor: Int)] = []
  /// Entries of the file's metadata: text by name.
  package var metadata: [(name: String, text: String)] = []

  package init(name: String) { self.name = name }
}

extension TFLiteModel.Tensor {
  /// The numbers of an int8 constant.
  package var int8s: [Int8] { (constant ?? []).map { Int8(bitPattern: $0) } }

  /// The numbers of an int32 constant.
  package var int32s: [Int32] {
    guard let constant else { return [] }
    return stride(from: 0, to: constant.count, by: 4).map { start in
      (0..<4).reduce(0) { $0 | Int32(truncatingIfNeeded: Int(constant[start + $1]) << (8 * $1)) }
    }
  }
}

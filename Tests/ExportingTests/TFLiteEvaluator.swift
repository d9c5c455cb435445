import Exporting
import Foundation
import Quantization

/// Computes a TFLite model by plain loops on integers, as TFLite defines its operators: int8 values,
/// int32 sums, requantized with a fixed-point multiplier that rounds twice.
///
/// *Source:* LiteRT's reference kernels (`reference/integer_ops`). LOGISTIC is a table of the rounded
/// real function, as in its builtin kernels.
struct TFLiteEvaluator {
  /// How a sum becomes an int8.
  enum Rounding {
    /// With a fixed-point multiplier, twice: TFLite's own kernels.
    case twice
    /// As a real number, to the nearest, ties to even: training, and with some float error XNNPACK.
    case once
  }

  let model: TFLiteModel
  let rounding: Rounding
  var values: [[Int8]]

  init(_ model: TFLiteModel, rounding: Rounding = .twice) {
    self.model = model
    self.rounding = rounding
    values = model.tensors.map(\.int8s)
  }

  /// `x` times a real factor.
  private func times(_ real: Double) -> (Int32) -> Int32 {
    switch rounding {
    case .twice:
      let factor = FixedPointFactor(real)
      return { factor.multiply($0) }
    case .once: return { Int32((Double($0) * real).rounded(.toNearestOrEven)) }
    }
  }

  /// All tensors for one input.
  mutating func run(_ input: [Int8]) {
    values[model.inputs[0].tensor] = input
    for step in model.operators { values[step.output] = evaluate(step) }
  }

  private func shape(_ tensor: Int) -> [Int] { model.tensors[tensor].shape }
  private func scale(_ tensor: Int) -> Double {
    Double(model.tensors[tensor].quantization!.scales[0])
  }
  private func zero(_ tensor: Int) -> Int32 { model.tensors[tensor].quantization!.zeroPoints[0] }

  func evaluate(_ step: TFLiteModel.Operator) -> [Int8] {
    let (x, out) = (step.inputs[0], shape(step.output))
    switch step.operation {
    case .convolution(let stride, let isSame, let activation):
      return convolution(step, stride, isSame, activation, multiplier: nil)
    case .depthwiseConvolution(let stride, let isSame, let multiplier, let activation):
      return convolution(step, stride, isSame, activation, multiplier: multiplier)
    case .add(let activation): return add(step, activation)
    case .multiply:
      let factor = times(scale(x) * scale(step.inputs[1]) / scale(step.output))
      return zip(values[x], values[step.inputs[1]]).map { a, b in
        let product = (Int32(a) - zero(x)) * (Int32(b) - zero(step.inputs[1]))
        return clamp(factor(product) + zero(step.output), .none, step.output)
      }
    case .logistic:
      return values[x].map { q in
        let real = Float(scale(x)) * Float(Int32(q) - zero(x))
        let y = 1 / (1 + exp(-real))
        return Int8(min(max((y * 256).rounded(.toNearestOrAwayFromZero) - 128, -128), 127))
      }
    case .concatenation:
      return (0..<out[1] * out[2]).flatMap { pixel in
        step.inputs.flatMap { input in
          let c = shape(input)[3]
          return values[input][pixel * c..<(pixel + 1) * c]
        }
      }
    case .slice:
      let begin = Int(model.tensors[step.inputs[1]].int32s[3])
      let c = shape(x)[3]
      return (0..<out[1] * out[2]).flatMap {
        values[x][$0 * c + begin..<$0 * c + begin + out[3]]
      }
    case .resizeNearest:
      return (0..<out[1] * out[2]).flatMap { pixel in
        let (row, column) = (pixel / out[2], pixel % out[2])
        let from =
          (row * shape(x)[1] / out[1] * shape(x)[2] + column * shape(x)[2] / out[2]) * out[3]
        return values[x][from..<from + out[3]]
      }
    case .pad: return padded(step, with: Int8(zero(x)))
    case .padWithValue: return padded(step, with: values[step.inputs[2]][0])
    case .maxPool(let kernel, let stride, let isSame):
      return maxPool(step, kernel, stride, isSame)
    case .mean:
      let pixels = shape(x)[1] * shape(x)[2]
      let factor = times(scale(x) / (Double(pixels) * scale(step.output)))
      return (0..<out[3]).map { c in
        let sum = (0..<pixels).reduce(Int32(0)) {
          $0 + Int32(values[x][$1 * out[3] + c]) - zero(x)
        }
        return clamp(factor(sum) + zero(step.output), .none, step.output)
      }
    case .reshape: return values[x]
    }
  }

  private func clamp(
    _ q: Int32, _ activation: TFLiteModel.Activation, _ tensor: Int
  ) -> Int8 {
    var (low, high): (Int32, Int32) = (-128, 127)
    if activation != .none { low = max(low, zero(tensor)) }
    if activation == .relu6 {
      let six = (6 / model.tensors[tensor].quantization!.scales[0])
        .rounded(.toNearestOrAwayFromZero)
      high = min(high, Int32(min(six, 1000)) + zero(tensor))
    }
    return Int8(min(max(q, low), high))
  }

  private func add(_ step: TFLiteModel.Operator, _ activation: TFLiteModel.Activation) -> [Int8] {
    let (a, b) = (step.inputs[0], step.inputs[1])
    let twice = 2 * max(scale(a), scale(b))
    if rounding == .once {
      return zip(values[a], values[b]).map { p, q in
        let sum = Double(Int32(p) - zero(a)) * scale(a) + Double(Int32(q) - zero(b)) * scale(b)
        let integer = Int32((sum / scale(step.output)).rounded(.toNearestOrEven))
        return clamp(integer + zero(step.output), activation, step.output)
      }
    }
    let (first, second) = (
      FixedPointFactor(scale(a) / twice), FixedPointFactor(scale(b) / twice)
    )
    let result = FixedPointFactor(twice / (Double(1 << 20) * scale(step.output)))
    return zip(values[a], values[b]).map { p, q in
      let sum =
        first.multiply((Int32(p) - zero(a)) << 20) + second.multiply((Int32(q) - zero(b)) << 20)
      return clamp(result.multiply(sum) + zero(step.output), activation, step.output)
    }
  }

  private func padded(_ step: TFLiteModel.Operator, with fill: Int8) -> [Int8] {
    let amounts = model.tensors[step.inputs[1]].int32s.map(Int.init)
    let (input, out) = (shape(step.inputs[0]), shape(step.output))
    var y = [Int8](repeating: fill, count: out.reduce(1, *))
    for row in 0..<input[1] {
      for column in 0..<input[2] {
        let to = ((row + amounts[2]) * out[2] + column + amounts[4]) * out[3]
        let from = (row * input[2] + column) * out[3]
        for c in 0..<out[3] { y[to + c] = values[step.inputs[0]][from + c] }
      }
    }
    return y
  }

  /// Rows before the first one that SAME adds.
  private func before(_ extent: Int, _ out: Int, _ kernel: Int, _ stride: Int, _ isSame: Bool)
    -> Int
  {
    isSame ? max((out - 1) * stride + kernel - extent, 0) / 2 : 0
  }

  private func maxPool(
    _ step: TFLiteModel.Operator, _ kernel: Int, _ stride: Int, _ isSame: Bool
  ) -> [Int8] {
    let (x, input, out) = (values[step.inputs[0]], shape(step.inputs[0]), shape(step.output))
    let top = before(input[1], out[1], kernel, stride, isSame)
    let left = before(input[2], out[2], kernel, stride, isSame)
    return (0..<out.reduce(1, *)).map { index in
      let (row, column, c) = (index / out[3] / out[2], index / out[3] % out[2], index % out[3])
      var largest = Int8.min
      for i in 0..<kernel {
        for j in 0..<kernel {
          let (r, s) = (row * stride + i - top, column * stride + j - left)
          guard r >= 0, r < input[1], s >= 0, s < input[2] else { continue }
          largest = max(largest, x[(r * input[2] + s) * out[3] + c])
        }
      }
      return largest
    }
  }

  private func convolution(
    _ step: TFLiteModel.Operator, _ stride: Int, _ isSame: Bool,
    _ activation: TFLiteModel.Activation, multiplier: Int?
  ) -> [Int8] {
    let (input, out) = (shape(step.inputs[0]), shape(step.output))
    let weight = model.tensors[step.inputs[1]]
    let bias = model.tensors[step.inputs[2]].int32s
    let K = weight.shape[1]
    let factors = weight.quantization!.scales.map {
      times(scale(step.inputs[0]) * Double($0) / scale(step.output))
    }
    let top = before(input[1], out[1], K, stride, isSame)
    let left = before(input[2], out[2], K, stride, isSame)
    let (C, O) = (input[3], out[3])
    let groupC = multiplier == nil ? weight.shape[3] : 1
    let groupO = O / (C / groupC)
    let offset = zero(step.inputs[0])
    var y = [Int8](repeating: 0, count: out.reduce(1, *))
    values[step.inputs[0]].withUnsafeBufferPointer { x in
      weight.int8s.withUnsafeBufferPointer { w in
        for row in 0..<out[1] {
          for column in 0..<out[2] {
            for o in 0..<O {
              var sum = bias[o]
              for i in 0..<K {
                let r = row * stride + i - top
                guard r >= 0, r < input[1] else { continue }
                for j in 0..<K {
                  let s = column * stride + j - left
                  guard s >= 0, s < input[2] else { continue }
                  let from = (r * input[2] + s) * C + o / groupO * groupC
                  let at =
                    multiplier == nil ? ((o * K + i) * K + j) * groupC : (i * K + j) * O + o
                  for c in 0..<groupC {
                    sum += (Int32(x[from + c]) - offset) * Int32(w[at + c])
                  }
                }
              }
              y[(row * out[2] + column) * O + o] = clamp(
                factors[o](sum) + zero(step.output), activation, step.output)
            }
          }
        }
      }
    }
    return y
  }
}

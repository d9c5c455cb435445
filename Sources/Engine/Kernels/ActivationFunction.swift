import Graphs

/// What a pass does to every element behind its affine part.
enum ElementFunction: Hashable {
  case identity, sigmoid, silu, relu, relu6

  init(_ activation: Activation) {
    switch activation {
    case .silu: self = .silu
    case .relu: self = .relu
    case .relu6: self = .relu6
    }
  }
}

/// A scalar function and its derivative, sixteen values at a time.
protocol ActivationFunction {
  func value(_ z: Lanes) -> Lanes
  /// The value and the derivative at `z`.
  func valueAndDerivative(_ z: Lanes) -> (Lanes, Lanes)
}

struct IdentityFunction: ActivationFunction {
  @inline(__always) func value(_ z: Lanes) -> Lanes { z }
  @inline(__always) func valueAndDerivative(_ z: Lanes) -> (Lanes, Lanes) {
    (z, Lanes(repeating: 1))
  }
}

/// `σ(z) = 1 / (1 + e^-z)`; derivative `σ(z)·(1 - σ(z))`.
struct SigmoidFunction: ActivationFunction {
  @inline(__always) func value(_ z: Lanes) -> Lanes {
    Lanes(repeating: 1) / (Lanes(repeating: 1) + (-z).exponential())
  }

  @inline(__always) func valueAndDerivative(_ z: Lanes) -> (Lanes, Lanes) {
    let s = value(z)
    return (s, s * (Lanes(repeating: 1) - s))
  }
}

/// `z·σ(z)`; derivative `σ(z)·(1 + z·(1 - σ(z)))`.
struct SiLUFunction: ActivationFunction {
  @inline(__always) func value(_ z: Lanes) -> Lanes { z * SigmoidFunction().value(z) }

  @inline(__always) func valueAndDerivative(_ z: Lanes) -> (Lanes, Lanes) {
    let s = SigmoidFunction().value(z)
    let value = z * s
    return (value, s + value * (Lanes(repeating: 1) - s))
  }
}

/// A SiLU with integers between its parts: `a·q₂(σ(a))`, `a = q₁(z)`, either site optional.
///
/// Straight through, where `z` and `σ(a)` lie on their grids: `dy/dz = q₂(σ(a)) + a·σ(a)·(1 - σ(a))`. Off the
/// first grid it is 0, off the second one the second term is.
struct SplitSiLUFunction: ActivationFunction {
  var input, gate: GridLanes?

  @inline(__always) func value(_ z: Lanes) -> Lanes {
    let a = input?.fakeQuantized(z) ?? z
    let s = SigmoidFunction().value(a)
    return a * (gate?.fakeQuantized(s) ?? s)
  }

  @inline(__always) func valueAndDerivative(_ z: Lanes) -> (Lanes, Lanes) {
    let a = input?.fakeQuantized(z) ?? z
    let s = SigmoidFunction().value(a)
    let g = gate?.fakeQuantized(s) ?? s
    var slope = a * (s * (Lanes(repeating: 1) - s))
    if let gate { slope = gate.passing(slope, where: s) }
    slope += g
    if let input { slope = input.passing(slope, where: z) }
    return (a * g, slope)
  }
}

struct ReLUFunction: ActivationFunction {
  @inline(__always) func value(_ z: Lanes) -> Lanes {
    z.replacing(with: 0, where: z .< Lanes(repeating: 0))
  }
  @inline(__always) func valueAndDerivative(_ z: Lanes) -> (Lanes, Lanes) {
    (value(z), Lanes(repeating: 0).replacing(with: 1, where: z .> Lanes(repeating: 0)))
  }
}

struct ReLU6Function: ActivationFunction {
  @inline(__always) func value(_ z: Lanes) -> Lanes {
    ReLUFunction().value(z).lower(Lanes(repeating: 6))
  }
  @inline(__always) func valueAndDerivative(_ z: Lanes) -> (Lanes, Lanes) {
    let inside = (z .> Lanes(repeating: 0)) .& (z .< Lanes(repeating: 6))
    return (value(z), Lanes(repeating: 0).replacing(with: 1, where: inside))
  }
}

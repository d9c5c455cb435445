import Graphs

/// A scalar function and its derivative, sixteen values at a time.
protocol ActivationFunction {
  static func value(_ z: Lanes) -> Lanes
  /// The value and the derivative at `z`.
  static func valueAndDerivative(_ z: Lanes) -> (Lanes, Lanes)
}

enum IdentityFunction: ActivationFunction {
  @inline(__always) static func value(_ z: Lanes) -> Lanes { z }
  @inline(__always) static func valueAndDerivative(_ z: Lanes) -> (Lanes, Lanes) {
    (z, Lanes(repeating: 1))
  }
}

/// `z·σ(z)`; derivative `σ(z)·(1 + z·(1 - σ(z)))`.
enum SiLUFunction: ActivationFunction {
  @inline(__always) static func sigmoid(_ z: Lanes) -> Lanes {
    Lanes(repeating: 1) / (Lanes(repeating: 1) + (-z).exponential())
  }

  @inline(__always) static func value(_ z: Lanes) -> Lanes { z * sigmoid(z) }

  @inline(__always) static func valueAndDerivative(_ z: Lanes) -> (Lanes, Lanes) {
    let s = sigmoid(z)
    let value = z * s
    return (value, s + value * (Lanes(repeating: 1) - s))
  }
}

enum ReLUFunction: ActivationFunction {
  @inline(__always) static func value(_ z: Lanes) -> Lanes {
    z.replacing(with: 0, where: z .< Lanes(repeating: 0))
  }
  @inline(__always) static func valueAndDerivative(_ z: Lanes) -> (Lanes, Lanes) {
    (value(z), Lanes(repeating: 0).replacing(with: 1, where: z .> Lanes(repeating: 0)))
  }
}

enum ReLU6Function: ActivationFunction {
  @inline(__always) static func value(_ z: Lanes) -> Lanes {
    ReLUFunction.value(z).lower(Lanes(repeating: 6))
  }
  @inline(__always) static func valueAndDerivative(_ z: Lanes) -> (Lanes, Lanes) {
    let inside = (z .> Lanes(repeating: 0)) .& (z .< Lanes(repeating: 6))
    return (value(z), Lanes(repeating: 0).replacing(with: 1, where: inside))
  }
}

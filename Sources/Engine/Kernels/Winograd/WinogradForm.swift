import CLanes

/// How square tiles of outputs of a 3×3 convolution are computed from fewer products.
enum WinogradForm {
  /// F(2×2, 3×3), windows one pixel apart: as good as a plain sum in FP32.
  case two
  /// F(4×4, 3×3): ten times the rounding error, some 2e-6 of a sum. For gradients.
  case four
  /// 2 × 2 outputs of windows two pixels apart: as good as a plain sum.
  case strided
  /// The adjoint of `strided` to its data: 4 × 4 pixels of it.
  case stridedData

  /// Outputs in a row of a tile.
  var side: Int {
    switch self {
    case .two, .strided: 2
    case .four, .stridedData: 4
    }
  }

  /// Pixels in a row that a tile is computed from.
  var sourceSide: Int {
    switch self {
    case .two: 4
    case .four: 6
    case .strided: 5
    case .stridedData: 3
    }
  }

  /// The first of them, by the first output.
  func firstSource(_ output: Int) -> Int {
    switch self {
    case .two, .four: output - 1
    case .strided: 2 * output - 1
    case .stridedData: output / 2
    }
  }

  /// Of a transformed tile.
  var elements: Int {
    switch self {
    case .two: 16
    case .four: 36
    case .strided, .stridedData: 25
    }
  }

  /// Elements of the transformed weights; several of a tile may meet the same.
  var weightElements: Int { isStrided ? 16 : elements }

  /// The element of the weights that one of a tile meets.
  func weightElement(_ element: Int) -> Int {
    isStrided ? clanes_strided_weight_element(element) : element
  }

  /// Whether an earlier element of a tile meets the same weights.
  func sharesWeights(_ element: Int) -> Bool {
    isStrided && (element / 5 == 4 || element % 5 == 4)
  }

  private var isStrided: Bool { self == .strided || self == .stridedData }

  var name: String {
    switch self {
    case .two: "edgewise:winograd2"
    case .four: "edgewise:winograd4"
    case .strided, .stridedData: "edgewise:winograd2-strided"
    }
  }
}

extension Convolution.Geometry {
  /// Whether they are worth it where oneDNN would compute in bf16, twice as fast as in FP32: from a panel of
  /// channels on.
  var isWinogradInBFloat16: Bool {
    isWinograd && stride == 1 && min(C, O) >= clanes_columns()
  }

  /// Whether Winograd's products do the work here: 3 × 3 windows over whole vectors of channels. Windows two
  /// pixels apart save less, and below a panel of channels the transforms take it back.
  var isWinograd: Bool {
    let channels = min(C, O)
    return kernel == 3 && padding == 1 && groups == 1 && C % 16 == 0 && O % 16 == 0
      && (stride == 1 || stride == 2 && channels >= clanes_columns())
      && P == (H + stride - 1) / stride && Q == (W + stride - 1) / stride && hasOwnConvolutions
  }
}

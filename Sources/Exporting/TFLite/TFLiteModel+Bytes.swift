extension TFLiteModel {
  /// The model as a `.tflite` file: the same bytes for the same model.
  ///
  /// Version 3 of the schema, identifier `TFL3`; buffer 0 is empty, constants start on multiples of 16
  /// bytes. Operators carry the lowest version that has int8 in their definition, so that old runtimes
  /// and the Edge TPU compiler take the file. Field and enumeration numbers are those of TFLite's
  /// published schema (`schema.fbs`).
  package var bytes: [UInt8] {
    var buffers = [FlatTable()]
    func buffer(_ bytes: [UInt8]) -> UInt32 {
      buffers.append(FlatTable([0: .bytes(bytes, alignment: 16)]))
      return UInt32(buffers.count - 1)
    }
    let tensors = self.tensors.map { tensor in
      var table = FlatTable([
        0: .int32s(tensor.shape.map { Int32($0) }), 1: .int8(tensor.type.code),
        2: .uint32(tensor.constant.map(buffer) ?? 0), 3: .string(tensor.name),
      ])
      if let quantization = tensor.quantization {
        table.fields[4] = .table(
          FlatTable([
            2: .floats(quantization.scales), 3: .int64s(quantization.zeroPoints.map(Int64.init)),
            6: .int32(Int32(quantization.axis)),
          ]))
      }
      return table
    }
    var codes: [(code: Int, version: Int)] = []
    let operators = self.operators.map { step in
      let (code, version) = step.operation.codeAndVersion
      let index = codes.firstIndex { $0.code == code } ?? codes.count
      if index == codes.count { codes.append((code, version)) }
      var table = FlatTable([
        0: .uint32(UInt32(index)), 1: .int32s(step.inputs.map { Int32($0) }),
        2: .int32s([Int32(step.output)]),
      ])
      if let (kind, options) = step.operation.options {
        table.fields[3] = .uint8(kind)
        table.fields[4] = .table(options)
      }
      return table
    }
    let graph = FlatTable([
      0: .tables(tensors), 1: .int32s(inputs.map { Int32($0.tensor) }),
      2: .int32s(outputs.map { Int32($0.tensor) }), 3: .tables(operators), 4: .string(name),
    ])
    func map(_ entries: [(name: String, tensor: Int)]) -> FlatValue {
      .tables(
        entries.map { FlatTable([0: .string($0.name), 1: .uint32(UInt32($0.tensor))]) })
    }
    let signature = FlatTable([
      0: map(inputs), 1: map(outputs), 2: .string("serving_default"), 4: .uint32(0),
    ])
    let metadata = self.metadata.map { entry in
      FlatTable([0: .string(entry.name), 1: .uint32(buffer(Array(entry.text.utf8)))])
    }
    return FlatBufferWriter.bytes(
      root: FlatTable([
        0: .uint32(3),
        1: .tables(
          codes.map { code, version in
            // The old field is a byte; all codes here are below 127.
            FlatTable([0: .int8(Int8(code)), 2: .int32(Int32(version)), 3: .int32(Int32(code))])
          }), 2: .tables([graph]), 3: .string("edgewise"), 4: .tables(buffers),
        6: .tables(metadata), 7: .tables([signature]),
      ]), identifier: "TFL3")
  }
}

extension TFLiteModel.ElementType {
  fileprivate var code: Int8 {
    switch self {
    case .int32: 2
    case .int8: 9
    }
  }
}

extension TFLiteModel.Activation {
  fileprivate var code: FlatValue {
    switch self {
    case .none: .int8(0)
    case .relu: .int8(1)
    case .relu6: .int8(3)
    }
  }
}

extension TFLiteModel.Operation {
  /// The number of the operator, and the first version of it that takes int8.
  package var codeAndVersion: (code: Int, version: Int) {
    switch self {
    case .add: (0, 2)
    case .concatenation: (2, 2)
    case .convolution: (3, 3)
    case .depthwiseConvolution: (4, 3)
    case .logistic: (14, 2)
    case .maxPool: (17, 2)
    case .multiply: (18, 2)
    case .reshape: (22, 1)
    case .pad: (34, 2)
    case .mean: (40, 2)
    case .padWithValue: (60, 2)
    case .slice: (65, 2)
    case .resizeNearest: (97, 2)
    }
  }

  /// TFLite's name for it.
  package var operatorName: String {
    switch self {
    case .add: "ADD"
    case .concatenation: "CONCATENATION"
    case .convolution: "CONV_2D"
    case .depthwiseConvolution: "DEPTHWISE_CONV_2D"
    case .logistic: "LOGISTIC"
    case .maxPool: "MAX_POOL_2D"
    case .multiply: "MUL"
    case .reshape: "RESHAPE"
    case .pad: "PAD"
    case .mean: "MEAN"
    case .padWithValue: "PADV2"
    case .slice: "SLICE"
    case .resizeNearest: "RESIZE_NEAREST_NEIGHBOR"
    }
  }

  /// The number of the options' table in the union, and the table; LOGISTIC has none.
  fileprivate var options: (UInt8, FlatTable)? {
    func padding(_ isSame: Bool) -> FlatValue { .int8(isSame ? 0 : 1) }
    func number(_ value: Int) -> FlatValue { .int32(Int32(value)) }
    return switch self {
    case .convolution(let stride, let isSame, let activation):
      (
        1,
        FlatTable([
          0: padding(isSame), 1: number(stride), 2: number(stride), 3: activation.code,
          4: number(1), 5: number(1),
        ])
      )
    case .depthwiseConvolution(let stride, let isSame, let multiplier, let activation):
      (
        2,
        FlatTable([
          0: padding(isSame), 1: number(stride), 2: number(stride), 3: number(multiplier),
          4: activation.code, 5: number(1), 6: number(1),
        ])
      )
    case .maxPool(let kernel, let stride, let isSame):
      (
        5,
        FlatTable([
          0: padding(isSame), 1: number(stride), 2: number(stride), 3: number(kernel),
          4: number(kernel), 5: TFLiteModel.Activation.none.code,
        ])
      )
    case .concatenation: (10, FlatTable([0: number(3), 1: TFLiteModel.Activation.none.code]))
    case .add(let activation): (11, FlatTable([0: activation.code]))
    case .reshape: (17, FlatTable())
    case .multiply: (21, FlatTable([0: TFLiteModel.Activation.none.code]))
    case .pad: (22, FlatTable())
    case .mean: (27, FlatTable([0: .bool(true)]))
    case .padWithValue: (43, FlatTable())
    case .slice: (48, FlatTable())
    case .resizeNearest: (74, FlatTable([0: .bool(false), 1: .bool(false)]))
    case .logistic: nil
    }
  }
}

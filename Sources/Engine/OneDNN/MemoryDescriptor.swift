import COneDNN

/// How a tensor lies in memory, for oneDNN. Extents are in oneDNN's logical order (N, C, H, W).
struct MemoryDescriptor {
  var raw: dnnl_memory_desc_t

  enum Layout {
    /// Channels last: the layout of every activation.
    case nhwc
    /// Row-major in the logical order: the layout of stored weights.
    case plain
    /// oneDNN chooses.
    case any
  }

  enum ElementType {
    case float32, bfloat16, uint8, int8, int32

    var raw: dnnl_data_type_t {
      switch self {
      case .float32: dnnl_f32
      case .bfloat16: dnnl_bf16
      case .uint8: dnnl_u8
      case .int8: dnnl_s8
      case .int32: dnnl_s32
      }
    }
  }

  init(_ extents: [Int], _ layout: Layout, _ type: ElementType = .float32) throws(EngineError) {
    raw = dnnl_memory_desc_t()
    let dims = extents.map { dnnl_dim_t($0) }
    let tag: dnnl_format_tag_t
    switch (layout, extents.count) {
    case (.any, _): tag = dnnl_format_tag_any
    case (.nhwc, 4): tag = dnnl_acdb
    case (.plain, 1): tag = dnnl_a
    case (.plain, 4): tag = dnnl_abcd
    case (.plain, 5): tag = dnnl_abcde
    default: preconditionFailure("no layout for extents \(extents)")
    }
    try check(
      dnnl_memory_desc_init_by_tag(&raw, CInt(extents.count), dims, type.raw, tag),
      "dnnl_memory_desc_init_by_tag")
  }

  init(raw: dnnl_memory_desc_t) { self.raw = raw }

  var byteCount: Int {
    withUnsafePointer(to: raw) { Int(dnnl_memory_desc_get_size($0)) }
  }

  func isEqual(to other: MemoryDescriptor) -> Bool {
    withUnsafePointer(to: raw) { a in
      withUnsafePointer(to: other.raw) { b in dnnl_memory_desc_equal(a, b) != 0 }
    }
  }
}

extension ElementFormat {
  /// What oneDNN calls it.
  var elementType: MemoryDescriptor.ElementType {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .gridByte: .uint8
    }
  }
}

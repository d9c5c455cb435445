import COneDNN

/// `C = A·B`: plain matrices, row after row, on oneDNN's kernel.
///
/// On one machine, with one thread count, the bits depend on shapes and numbers alone.
/// - Shapes: `A` `[M, K]`, or `[K, M]` where it is transposed; `B` `[K, N]`, or `[N, K]`; `C` `[M, N]`.
/// - The C function is `dnnl_sgemm`.
package func multiplyMatrices(
  _ A: UnsafePointer<Float>, _ B: UnsafePointer<Float>, transposesA: Bool = false,
  transposesB: Bool = false, into C: UnsafeMutablePointer<Float>, M: Int, N: Int, K: Int
) {
  precondition(M > 0 && N > 0 && K > 0, "\(M)×\(K) times \(K)×\(N)")
  func letter(_ isTransposed: Bool) -> CChar { CChar(UInt8(ascii: isTransposed ? "T" : "N")) }
  let status = dnnl_sgemm(
    letter(transposesA), letter(transposesB), dnnl_dim_t(M), dnnl_dim_t(N), dnnl_dim_t(K), 1, A,
    dnnl_dim_t(transposesA ? M : K), B, dnnl_dim_t(transposesB ? K : N), 0, C, dnnl_dim_t(N))
  precondition(status == dnnl_success, "dnnl_sgemm gave \(status)")
}

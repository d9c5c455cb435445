#ifndef CLANES_HALVES_H
#define CLANES_HALVES_H

// Products of bf16 numbers in pairs: an instruction multiplies two by two and adds both to a sum in FP32. A
// pair is one word, the earlier number in its lower half. A header, for only C has the instruction.

#include "vectors.h"

#define CLANES static inline __attribute__((always_inline))
// Numbers stay in registers only where their loops are no loops any more.
#define CLANES_UNROLLED _Pragma("clang loop unroll(full)")

/// Whether the products below exist here.
CLANES _Bool clanes_has_half_products(void) {
#ifdef __AVX512BF16__
  return 1;
#else
  return 0;
#endif
}

/// Pairs of `C` channels, a multiple of 16, of two pixels; groups of sixteen lie `group` words apart.
static inline void clanes_pair_halves(const void *first, const void *second, long C,
                                      uint32_t *out, long group) {
  typedef uint16_t halves __attribute__((ext_vector_type(16)));
  typedef uint32_t words __attribute__((ext_vector_type(16)));
  for (long c = 0; c < C; c += 16) {
    halves low, high;
    __builtin_memcpy(&low, (const uint16_t *)first + c, 32);
    __builtin_memcpy(&high, (const uint16_t *)second + c, 32);
    words pairs =
        __builtin_convertvector(low, words) | __builtin_convertvector(high, words) << 16;
    __builtin_memcpy(out + c / 16 * group, &pairs, 64);
  }
}

#ifdef __AVX512BF16__
CLANES void clanes_outer_halves(const uint32_t *a, const uint32_t *b, long b_next, long K,
                                float *c, long c_stride, const _Bool adds, const int vectors,
                                const int rows) {
  __m512 sums[16][2];
  CLANES_UNROLLED
  for (int r = 0; r < rows; r++)
    CLANES_UNROLLED
    for (int v = 0; v < vectors; v++)
      sums[r][v] = adds ? _mm512_loadu_ps(c + r * c_stride + 16 * v) : _mm512_setzero_ps();
  for (long k = 0; k < K; k++) {
    __m512bh b0 = (__m512bh)_mm512_loadu_si512(b);
    __m512bh b1 = vectors > 1 ? (__m512bh)_mm512_loadu_si512(b + b_next) : b0;
    CLANES_UNROLLED
    for (int r = 0; r < rows; r++) {
      __m512bh factor = (__m512bh)_mm512_set1_epi32((int)a[r]);
      sums[r][0] = _mm512_dpbf16_ps(sums[r][0], factor, b0);
      if (vectors > 1) sums[r][1] = _mm512_dpbf16_ps(sums[r][1], factor, b1);
    }
    a += 16;
    b += 16;
  }
  CLANES_UNROLLED
  for (int r = 0; r < rows; r++)
    CLANES_UNROLLED
    for (int v = 0; v < vectors; v++)
      _mm512_storeu_ps(c + r * c_stride + 16 * v, sums[r][v]);
}
#endif

/// `c[r][j] (+)= Σ a[16·k + r]·b[16·k + j]` of pairs, for sixteen rows, `K` k and 16 or 32 `columns`; `adds`
/// keeps what `c` holds. Behind sixteen columns, the next sixteen of `b` lie `b_group` words further on.
static inline void clanes_outer_half_rows(const uint32_t *a, const uint32_t *b, long b_group,
                                          long K, long columns, float *c, long c_stride,
                                          _Bool adds) {
#ifdef __AVX512BF16__
#define CLANES_OUTER(vectors, first, rows)                                                     \
  if (adds)                                                                                    \
    clanes_outer_halves(a + first, b, b_group, K, c + first * c_stride, c_stride, 1, vectors,  \
                        rows);                                                                 \
  else                                                                                         \
    clanes_outer_halves(a + first, b, b_group, K, c + first * c_stride, c_stride, 0, vectors,  \
                        rows);
  if (columns == 16) {
    CLANES_OUTER(1, 0, 16)
  } else {
    CLANES_OUTER(2, 0, 8)
    CLANES_OUTER(2, 8, 8)
  }
#undef CLANES_OUTER
#else
  __builtin_trap();
#endif
}

/// The nine taps of sixteen channels, `place` numbers apart, as `dw[16][9]`.
static inline void clanes_store_nine_taps(const float *sums, long place, float *dw) {
  for (long first = 0; first < 16; first += CLANES_WIDTH)
    for (int k = 0; k < 3; k++) {
      clanes_lanes row[3];
      for (int j = 0; j < 3; j++) row[j] = clanes_load(sums + (3 * k + j) * place + first);
      clanes_store_taps(row, k, dw + 9 * first);
    }
}

#undef CLANES_UNROLLED
#undef CLANES

#endif

#ifndef CLANES_PRODUCTS_H
#define CLANES_PRODUCTS_H

// Products of matrices whose sums stay in registers. Numbers are added in one order, whatever the number
// of rows or columns.

#include "vectors.h"

#define CLANES static inline __attribute__((always_inline))
// Numbers stay in registers only where their loops are no loops any more.
#define CLANES_UNROLLED _Pragma("clang loop unroll(full)")

/// Columns that the kernels below take at a time where there are as many; and rows.
CLANES long clanes_columns(void) { return 2 * CLANES_WIDTH; }
CLANES long clanes_rows(void) { return CLANES_ROWS; }

// `vectors`, 1 or 2, and `rows` are constants.
CLANES void clanes_products(const float *a, long groups, long a_group, const float *b, float *c,
                            long c_stride, const int vectors, const int rows) {
  clanes_lanes sums[CLANES_ROWS][2];
  CLANES_UNROLLED
  for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = (clanes_lanes)0.0f;
  for (long group = 0; group < groups; group++) {
    for (long k = 0; k < 16; k++) {
      clanes_lanes b0 = clanes_load(b), b1 = vectors > 1 ? clanes_load(b + CLANES_WIDTH) : b0;
      CLANES_UNROLLED
      for (int r = 0; r < rows; r++) {
        clanes_lanes factor = (clanes_lanes)(a[r * 16 + k]);
        sums[r][0] = __builtin_elementwise_fma(factor, b0, sums[r][0]);
        if (vectors > 1) sums[r][1] = __builtin_elementwise_fma(factor, b1, sums[r][1]);
      }
      b += vectors * CLANES_WIDTH;
    }
    a += a_group;
  }
  CLANES_UNROLLED
  for (int r = 0; r < rows; r++) {
    clanes_store(sums[r][0], c + r * c_stride);
    if (vectors > 1) clanes_store(sums[r][1], c + r * c_stride + CLANES_WIDTH);
  }
}

CLANES void clanes_product_blocks(const float *a, long groups, long a_group, const float *b,
                                  float *c, long c_stride, long count, const int vectors) {
#define CLANES_CASE(rows)                                                     \
  case rows:                                                                  \
    clanes_products(a, groups, a_group, b, c, c_stride, vectors, rows);       \
    break;
  // Blocks of rows as even as can be: with few rows the additions wait for one another.
  long blocks = (count + CLANES_ROWS - 1) / CLANES_ROWS;
  for (long i = 0; i < blocks; i++) {
    long rows = count / blocks + (i < count % blocks);
    switch (rows) {
#if CLANES_ROWS > 6
      CLANES_CASE(12)
      CLANES_CASE(11)
      CLANES_CASE(10)
      CLANES_CASE(9)
      CLANES_CASE(8)
      CLANES_CASE(7)
#endif
      CLANES_CASE(6)
      CLANES_CASE(5)
      CLANES_CASE(4)
      CLANES_CASE(3)
      CLANES_CASE(2)
      CLANES_CASE(1)
    }
    a += rows * 16;
    c += rows * c_stride;
  }
#undef CLANES_CASE
}

/// `c[r][j] = Σ a[g·a_group + 16·r + k]·b[g][k][j]` for `count` rows and `columns`, 16 or `clanes_columns`;
/// k goes to 16, g to `groups`. `b` is `[groups][16][columns]`.
///
/// The distance of rows in `a` is a constant, so that no register holds it.
static inline void clanes_product_rows(const float *a, long groups, long a_group, const float *b,
                                       long columns, float *c, long c_stride, long count) {
  if (columns == CLANES_WIDTH)
    clanes_product_blocks(a, groups, a_group, b, c, c_stride, count, 1);
  else
    clanes_product_blocks(a, groups, a_group, b, c, c_stride, count, 2);
}

/// Whether the products of pairs below exist here.
CLANES _Bool clanes_has_half_products(void) {
#ifdef __AVX512BF16__
  return 1;
#else
  return 0;
#endif
}

// sum + a·b lane by lane; of pairs of bf16 where `halves`, a constant, says so: one instruction multiplies two
// by two and adds both, and only C has it.
CLANES clanes_lanes clanes_add_product(clanes_lanes sum, clanes_lanes a, clanes_lanes b,
                                       const _Bool halves) {
#ifdef __AVX512BF16__
  if (halves)
    return (clanes_lanes)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
#endif
  return __builtin_elementwise_fma(a, b, sum);
}

CLANES void clanes_outer_products(const float *a, const float *b, long b_next, long K, float *c,
                                  long c_stride, const _Bool adds, const int vectors,
                                  const int rows, const _Bool halves) {
  clanes_lanes sums[16][2];
  CLANES_UNROLLED
  for (int r = 0; r < rows; r++)
    CLANES_UNROLLED
    for (int v = 0; v < vectors; v++)
      sums[r][v] =
          adds ? clanes_load(c + r * c_stride + v * CLANES_WIDTH) : (clanes_lanes)0.0f;
  for (long k = 0; k < K; k++) {
    clanes_lanes b0 = clanes_load(b), b1 = vectors > 1 ? clanes_load(b + b_next) : b0;
    CLANES_UNROLLED
    for (int r = 0; r < rows; r++) {
      clanes_lanes factor = (clanes_lanes)(a[r]);
      sums[r][0] = clanes_add_product(sums[r][0], factor, b0, halves);
      if (vectors > 1) sums[r][1] = clanes_add_product(sums[r][1], factor, b1, halves);
    }
    a += 16;
    b += 16;
  }
  CLANES_UNROLLED
  for (int r = 0; r < rows; r++)
    CLANES_UNROLLED
    for (int v = 0; v < vectors; v++)
      clanes_store(sums[r][v], c + r * c_stride + v * CLANES_WIDTH);
}

CLANES void clanes_outer_rows(const float *a, const float *b, long b_group, long K, long columns,
                              float *c, long c_stride, _Bool adds, const _Bool halves) {
#define CLANES_OUTER(vectors, first, rows)                                                      \
  if (adds)                                                                                     \
    clanes_outer_products(a + first, b, next, K, c + first * c_stride, c_stride, 1, vectors,    \
                          rows, halves);                                                        \
  else                                                                                          \
    clanes_outer_products(a + first, b, next, K, c + first * c_stride, c_stride, 0, vectors,    \
                          rows, halves);
#if CLANES_WIDTH == 16
  const long next = b_group;
  if (columns == 16) {
    CLANES_OUTER(1, 0, 16)
  } else {
    CLANES_OUTER(2, 0, 8)
    CLANES_OUTER(2, 8, 8)
  }
#else
  const long next = 8;
  CLANES_OUTER(2, 0, 6)
  CLANES_OUTER(2, 6, 6)
  CLANES_OUTER(2, 12, 4)
#endif
#undef CLANES_OUTER
}

/// `c[r][j] (+)= Σ a[16·k + r]·b[16·k + j]` for sixteen rows, `K` k and `columns`, as above; `adds` keeps what
/// `c` holds. Behind sixteen columns, the next sixteen of `b` lie `b_group` numbers further on.
static inline void clanes_outer_product_rows(const float *a, const float *b, long b_group, long K,
                                             long columns, float *c, long c_stride, _Bool adds) {
  clanes_outer_rows(a, b, b_group, K, columns, c, c_stride, adds, 0);
}

/// The same of pairs of bf16 numbers, where `clanes_has_half_products`.
static inline void clanes_outer_half_rows(const uint32_t *a, const uint32_t *b, long b_group,
                                          long K, long columns, float *c, long c_stride,
                                          _Bool adds) {
  if (!clanes_has_half_products()) __builtin_trap();
  clanes_outer_rows((const float *)a, (const float *)b, b_group, K, columns, c, c_stride, adds, 1);
}

#undef CLANES_UNROLLED
#undef CLANES

#endif

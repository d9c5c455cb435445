#ifndef CLANES_WINOGRAD_H
#define CLANES_WINOGRAD_H

// Tiles of a 3×3 convolution by Winograd's F(2×2, 3×3): four outputs from sixteen products instead of
// thirty-six. Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015.
//
//   y = Aᵀ·[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]·A        dg = Gᵀ·[(A·dy·Aᵀ) ⊙ (Bᵀ·d·B)]·G
//
//        1  0 -1  0          1   0   0
//   Bᵀ = 0  1  1  0     G =  ½   ½   ½      Aᵀ = 1  1  1  0
//        0 -1  1  0          ½  -½   ½           0  1 -1 -1
//        0  1  0 -1          0   0   1
//
// The sixteen elements of a transformed tile lie `place` numbers apart.

#include <stdint.h>

typedef float clanes_f32x8 __attribute__((ext_vector_type(8)));
typedef float clanes_f32x16 __attribute__((ext_vector_type(16)));
typedef int32_t clanes_i32x8 __attribute__((ext_vector_type(8)));
typedef uint32_t clanes_u32x8 __attribute__((ext_vector_type(8)));
typedef int16_t clanes_i16x16 __attribute__((ext_vector_type(16)));

#define CLANES static inline __attribute__((always_inline))

/// Whether the kernels below were built for eight numbers at a time with fused multiply-add, and
/// nothing wider was at hand.
CLANES _Bool clanes_has_winograd(void) {
#if defined(__AVX2__) && defined(__FMA__) && !defined(__AVX512F__)
  return 1;
#else
  return 0;
#endif
}

CLANES clanes_f32x8 clanes_load8(const float *p) {
  clanes_f32x8 x;
  __builtin_memcpy(&x, p, 32);
  return x;
}

CLANES void clanes_store8(clanes_f32x8 x, float *p) { __builtin_memcpy(p, &x, 32); }

CLANES clanes_u32x8 clanes_load8_u32(const int32_t *p) {
  clanes_u32x8 x;
  __builtin_memcpy(&x, p, 32);
  return x;
}

CLANES clanes_i16x16 clanes_load16_i16(const int16_t *p) {
  clanes_i16x16 x;
  __builtin_memcpy(&x, p, 32);
  return x;
}

CLANES void clanes_store16_i16(clanes_i16x16 x, int16_t *p) { __builtin_memcpy(p, &x, 32); }

// Row `i` of Bᵀ·d at column `j`, and from a whole row of it the row of Bᵀ·d·B.
#define CLANES_SOURCE_ROW(vector, load, store, i, first, sign, second)         \
  {                                                                            \
    vector t[4];                                                               \
    for (int j = 0; j < 4; j++)                                                \
      t[j] = load(d + (first) * row + j * pixel + c) sign                      \
          load(d + (second) * row + j * pixel + c);                            \
    store(t[0] - t[2], v + (4 * (i) + 0) * place + c);                         \
    store(t[1] + t[2], v + (4 * (i) + 1) * place + c);                         \
    store(t[2] - t[1], v + (4 * (i) + 2) * place + c);                         \
    store(t[1] - t[3], v + (4 * (i) + 3) * place + c);                         \
  }
#define CLANES_SOURCE(vector, load, store)                                     \
  CLANES_SOURCE_ROW(vector, load, store, 0, 0, -, 2)                           \
  CLANES_SOURCE_ROW(vector, load, store, 1, 1, +, 2)                           \
  CLANES_SOURCE_ROW(vector, load, store, 2, 2, -, 1)                           \
  CLANES_SOURCE_ROW(vector, load, store, 3, 1, -, 3)

/// `v = Bᵀ·d·B` of 4 × 4 pixels, `C` a multiple of 8; `row` and `pixel` numbers from one to the next.
static inline void clanes_winograd_source(const float *d, long row, long pixel, long C, float *v,
                                          long place) {
  for (long c = 0; c < C; c += 8) {
    CLANES_SOURCE(clanes_f32x8, clanes_load8, clanes_store8)
  }
}

/// The same of integers of at most 9 bits and a sign, `C` a multiple of 16.
static inline void clanes_winograd_source_i16(const int16_t *d, long row, long pixel, long C,
                                              int16_t *v, long place) {
  for (long c = 0; c < C; c += 16) {
    CLANES_SOURCE(clanes_i16x16, clanes_load16_i16, clanes_store16_i16)
  }
}

// `y[i][j]`, i and j 0 or 1, of Aᵀ·m·A at channels c ... c + 7.
#define CLANES_TARGET(vector, load)                                            \
  vector upper[4], lower[4];                                                   \
  for (int j = 0; j < 4; j++) {                                                \
    vector m0 = load(m + j * place + c), m1 = load(m + (4 + j) * place + c);   \
    vector m2 = load(m + (8 + j) * place + c), m3 = load(m + (12 + j) * place + c); \
    upper[j] = m0 + m1 + m2;                                                   \
    lower[j] = m1 - m2 - m3;                                                   \
  }                                                                            \
  vector sum00 = upper[0] + upper[1] + upper[2], sum01 = upper[1] - upper[2] - upper[3]; \
  vector sum10 = lower[0] + lower[1] + lower[2], sum11 = lower[1] - lower[2] - lower[3];

/// `y = Aᵀ·m·A + bias`: 2 × 2 pixels of `O` channels, a multiple of 8, each where its pointer says.
static inline void clanes_winograd_target(const float *m, long place, long O, const float *bias,
                                          float *y00, float *y01, float *y10, float *y11) {
  for (long c = 0; c < O; c += 8) {
    CLANES_TARGET(clanes_f32x8, clanes_load8)
    clanes_f32x8 b = clanes_load8(bias + c);
    clanes_store8(sum00 + b, y00 + c);
    clanes_store8(sum01 + b, y01 + c);
    clanes_store8(sum10 + b, y10 + c);
    clanes_store8(sum11 + b, y11 + c);
  }
}

CLANES clanes_f32x8 clanes_quarter(clanes_u32x8 x) {
  return __builtin_convertvector((clanes_i32x8)x >> 2, clanes_f32x8);
}

/// `y = Aᵀ·m·A / 4` of integers, as FP32: with weights from `clanes_winograd_weights_i16` the division
/// leaves no rest.
static inline void clanes_winograd_target_i32(const int32_t *m, long place, long O, float *y00,
                                              float *y01, float *y10, float *y11) {
  for (long c = 0; c < O; c += 8) {
    // What runs over on the way comes back: the end is within 32 bits.
    CLANES_TARGET(clanes_u32x8, clanes_load8_u32)
    clanes_store8(clanes_quarter(sum00), y00 + c);
    clanes_store8(clanes_quarter(sum01), y01 + c);
    clanes_store8(clanes_quarter(sum10), y10 + c);
    clanes_store8(clanes_quarter(sum11), y11 + c);
  }
}

/// `v = A·dy·Aᵀ` of 2 × 2 pixels of `O` channels, a multiple of 8.
static inline void clanes_winograd_gradient(const float *y00, const float *y01, const float *y10,
                                            const float *y11, long O, float *v, long place) {
  for (long c = 0; c < O; c += 8) {
    clanes_f32x8 a = clanes_load8(y00 + c), b = clanes_load8(y01 + c);
    clanes_f32x8 e = clanes_load8(y10 + c), f = clanes_load8(y11 + c);
    clanes_f32x8 left[4] = {a, a + e, a - e, -e}, right[4] = {b, b + f, b - f, -f};
    for (int i = 0; i < 4; i++) {
      clanes_store8(left[i], v + (4 * i + 0) * place + c);
      clanes_store8(left[i] + right[i], v + (4 * i + 1) * place + c);
      clanes_store8(left[i] - right[i], v + (4 * i + 2) * place + c);
      clanes_store8(-right[i], v + (4 * i + 3) * place + c);
    }
  }
}

/// `u[ξ][i][q] = G·g·Gᵀ` for sixteen q: `g` is the 3 × 3 numbers at `w + q·q_stride + i·i_stride`, turned
/// by half a circle if `turned`.
static inline void clanes_winograd_weights(const float *w, long q_stride, long i_stride, long I,
                                           _Bool turned, float *u, long place) {
  for (long i = 0; i < I; i++) {
    clanes_f32x16 g[9], t[4][3];
    for (int k = 0; k < 9; k++)
      for (int q = 0; q < 16; q++)
        g[k][q] = w[q * q_stride + i * i_stride + (turned ? 8 - k : k)];
    for (int j = 0; j < 3; j++) {
      clanes_f32x16 ends = g[j] + g[6 + j];
      t[0][j] = g[j];
      t[1][j] = 0.5f * (ends + g[3 + j]);
      t[2][j] = 0.5f * (ends - g[3 + j]);
      t[3][j] = g[6 + j];
    }
    for (int k = 0; k < 4; k++) {
      clanes_f32x16 ends = t[k][0] + t[k][2];
      clanes_f32x16 row[4] = {t[k][0], 0.5f * (ends + t[k][1]), 0.5f * (ends - t[k][1]), t[k][2]};
      for (int j = 0; j < 4; j++) __builtin_memcpy(u + (4 * k + j) * place + i * 16, &row[j], 64);
    }
  }
}

/// `u[ξ][i/2][q][i mod 2] = (2G)·g·(2G)ᵀ` for sixteen q of integers of 7 bits and a sign; `I` is even.
static inline void clanes_winograd_weights_i16(const int8_t *w, long q_stride, long i_stride,
                                               long I, int16_t *u, long place) {
  for (long i = 0; i < I; i++) {
    clanes_i16x16 g[9], t[4][3];
    for (int k = 0; k < 9; k++)
      for (int q = 0; q < 16; q++) g[k][q] = w[q * q_stride + i * i_stride + k];
    for (int j = 0; j < 3; j++) {
      clanes_i16x16 ends = g[j] + g[6 + j];
      t[0][j] = g[j] * 2;
      t[1][j] = ends + g[3 + j];
      t[2][j] = ends - g[3 + j];
      t[3][j] = g[6 + j] * 2;
    }
    for (int k = 0; k < 4; k++) {
      clanes_i16x16 ends = t[k][0] + t[k][2];
      clanes_i16x16 row[4] = {t[k][0] * 2, ends + t[k][1], ends - t[k][1], t[k][2] * 2};
      for (int j = 0; j < 4; j++) {
        int16_t *out = u + (4 * k + j) * place + i / 2 * 32 + i % 2;
        for (int q = 0; q < 16; q++) out[2 * q] = row[j][q];
      }
    }
  }
}

/// `dg = Gᵀ·u·G` of eight channels: `dw[8][9]`.
static inline void clanes_winograd_weight_gradient(const float *u, long place, float *dw) {
  clanes_f32x8 t[3][4];
  for (int j = 0; j < 4; j++) {
    clanes_f32x8 u1 = clanes_load8(u + (4 + j) * place), u2 = clanes_load8(u + (8 + j) * place);
    clanes_f32x8 half = 0.5f * (u1 + u2);
    t[0][j] = clanes_load8(u + j * place) + half;
    t[1][j] = 0.5f * (u1 - u2);
    t[2][j] = clanes_load8(u + (12 + j) * place) + half;
  }
  for (int k = 0; k < 3; k++) {
    clanes_f32x8 half = 0.5f * (t[k][1] + t[k][2]);
    clanes_f32x8 row[3] = {t[k][0] + half, 0.5f * (t[k][1] - t[k][2]), t[k][3] + half};
    for (int j = 0; j < 3; j++)
      for (int c = 0; c < 8; c++) dw[9 * c + 3 * k + j] = row[j][c];
  }
}

// `rows` is a constant; products are added one after the other, whatever the number of rows.
CLANES void clanes_products(const float *a, long a_stride, const float *b, long K, float *c,
                            long c_stride, const int rows) {
  clanes_f32x8 low[6], high[6];
  for (int r = 0; r < rows; r++) low[r] = high[r] = (clanes_f32x8)0.0f;
  for (long k = 0; k < K; k++) {
    clanes_f32x8 b0 = clanes_load8(b + 16 * k), b1 = clanes_load8(b + 16 * k + 8);
    for (int r = 0; r < rows; r++) {
      clanes_f32x8 x = (clanes_f32x8)(a[r * a_stride + k]);
      low[r] = __builtin_elementwise_fma(x, b0, low[r]);
      high[r] = __builtin_elementwise_fma(x, b1, high[r]);
    }
  }
  for (int r = 0; r < rows; r++) {
    clanes_store8(low[r], c + r * c_stride);
    clanes_store8(high[r], c + r * c_stride + 8);
  }
}

/// `c[r][j] = Σ a[r][k]·b[k][j]` for `count` rows and sixteen columns; `b` is `[K][16]`.
static inline void clanes_product_rows(const float *a, long a_stride, const float *b, long K,
                                       float *c, long c_stride, long count) {
  long r = 0;
  for (; r + 6 <= count; r += 6)
    clanes_products(a + r * a_stride, a_stride, b, K, c + r * c_stride, c_stride, 6);
  a += r * a_stride;
  c += r * c_stride;
  switch (count - r) {
    case 5: return clanes_products(a, a_stride, b, K, c, c_stride, 5);
    case 4: return clanes_products(a, a_stride, b, K, c, c_stride, 4);
    case 3: return clanes_products(a, a_stride, b, K, c, c_stride, 3);
    case 2: return clanes_products(a, a_stride, b, K, c, c_stride, 2);
    case 1: return clanes_products(a, a_stride, b, K, c, c_stride, 1);
  }
}

CLANES void clanes_outer_products(const float *a, long a_stride, const float *b, long b_stride,
                                  long K, float *c, long c_stride, const _Bool adds,
                                  const int rows) {
  clanes_f32x8 low[6], high[6];
  for (int r = 0; r < rows; r++) {
    low[r] = adds ? clanes_load8(c + r * c_stride) : (clanes_f32x8)0.0f;
    high[r] = adds ? clanes_load8(c + r * c_stride + 8) : (clanes_f32x8)0.0f;
  }
  for (long k = 0; k < K; k++) {
    clanes_f32x8 b0 = clanes_load8(b + k * b_stride), b1 = clanes_load8(b + k * b_stride + 8);
    for (int r = 0; r < rows; r++) {
      clanes_f32x8 x = (clanes_f32x8)(a[k * a_stride + r]);
      low[r] = __builtin_elementwise_fma(x, b0, low[r]);
      high[r] = __builtin_elementwise_fma(x, b1, high[r]);
    }
  }
  for (int r = 0; r < rows; r++) {
    clanes_store8(low[r], c + r * c_stride);
    clanes_store8(high[r], c + r * c_stride + 8);
  }
}

/// `c[r][j] (+)= Σ a[k][r]·b[k][j]` for `count` rows, an even number from 4 on, and sixteen columns; `adds`
/// keeps what `c` holds.
static inline void clanes_outer_product_rows(const float *a, long a_stride, const float *b,
                                             long b_stride, long K, float *c, long c_stride,
                                             _Bool adds, long count) {
  long r = 0;
  while (r < count) {
    float *out = c + r * c_stride;
    if (count - r == 4 || count - r == 8) {
      if (adds)
        clanes_outer_products(a + r, a_stride, b, b_stride, K, out, c_stride, 1, 4);
      else
        clanes_outer_products(a + r, a_stride, b, b_stride, K, out, c_stride, 0, 4);
      r += 4;
    } else {
      if (adds)
        clanes_outer_products(a + r, a_stride, b, b_stride, K, out, c_stride, 1, 6);
      else
        clanes_outer_products(a + r, a_stride, b, b_stride, K, out, c_stride, 0, 6);
      r += 6;
    }
  }
}

#undef CLANES_SOURCE_ROW
#undef CLANES_SOURCE
#undef CLANES_TARGET
#undef CLANES

#endif

#ifndef CLANES_WINOGRAD_STRIDED_H
#define CLANES_WINOGRAD_STRIDED_H

// Tiles of 2 × 2 outputs of a 3×3 convolution two pixels apart: 25 products instead of 36. In a row, the
// outer taps meet pixels of one parity, a convolution of two taps by Winograd's F(2, 2); the middle tap meets
// those of the other, two plain products. As good as a plain sum in FP32.
//
//   y = Aᵀ·[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]·A        dg = Gᵀ·[(A·dy·Aᵀ) ⊙ (Bᵀ·d·B)]·G
//
//        1  0 -1  0  0         1  0  0
//        0  0  1  0  0         1  0  1         1  1  0  1  0
//   Bᵀ = 0  0 -1  0  1     G = 0  0  1    Aᵀ = 0  1  1  0  1
//        0  1  0  0  0         0  1  0
//        0  0  0  1  0         0  1  0
//
// The gradient of the data is 4 × 4 pixels of 3 × 3 of `dy`, with g turned by half a circle:
//
//        1 -1  0               0  0  0  1  0
//        0  1  0               1  1  0  0  0
//   Bᵀ = 0 -1  1          Aᵀ = 0  0  0  0  1
//        1  0  0               0  1  1  0  0
//        0  1  0
//
// The last two rows of G are one, so that of 25 elements of the weights 16 differ. Places and groups as in
// winograd.h.

#include "vectors.h"

#define CLANES static inline __attribute__((always_inline))
// Numbers stay in registers only where their loops are no loops any more.
#define CLANES_UNROLLED _Pragma("clang loop unroll(full)")

/// Of the 25 elements of a transformed tile, the place of its weights among the 16.
CLANES long clanes_strided_weight_element(long element) {
  long i = element / 5, j = element % 5;
  return 4 * (i < 3 ? i : 3) + (j < 3 ? j : 3);
}

CLANES void clanes_strided_source_line(const clanes_lanes *d, clanes_lanes *v) {
  v[0] = d[0] - d[2];
  v[1] = d[2];
  v[2] = d[4] - d[2];
  v[3] = d[1];
  v[4] = d[3];
}

CLANES void clanes_strided_data_source_line(const clanes_lanes *d, clanes_lanes *v) {
  v[0] = d[0] - d[1];
  v[1] = d[1];
  v[2] = d[2] - d[1];
  v[3] = d[0];
  v[4] = d[1];
}

CLANES void clanes_strided_gradient_line(const clanes_lanes *d, clanes_lanes *v) {
  v[0] = d[0];
  v[1] = d[0] + d[1];
  v[2] = d[1];
  v[3] = d[0];
  v[4] = d[1];
}

CLANES void clanes_strided_target_line(const clanes_lanes *m, clanes_lanes *y) {
  y[0] = m[0] + m[1] + m[3];
  y[1] = m[1] + m[2] + m[4];
}

CLANES void clanes_strided_data_target_line(const clanes_lanes *m, clanes_lanes *y) {
  y[0] = m[3];
  y[1] = m[0] + m[1];
  y[2] = m[4];
  y[3] = m[1] + m[2];
}

// From `side` × `side` pixels the 25 elements; the next tile's are `step` pixels on.
#define CLANES_STRIDED_IN(name, side, step, transform)                                            \
  static inline void name(const float *d, long row, long pixel, long C, float *v, long place,  \
                          long group) {                                                        \
    for (long c = 0; c < C; c += CLANES_WIDTH) {                                               \
      float *out = v + c / 16 * group + c % 16;                                                \
      clanes_lanes t[5][side];                                                                 \
      CLANES_UNROLLED                                                                          \
      for (int j = 0; j < side; j++) {                                                         \
        clanes_lanes line[side], sums[5];                                                      \
        CLANES_UNROLLED                                                                        \
        for (int i = 0; i < side; i++) {                                                       \
          line[i] = clanes_load(d + i * row + j * pixel + c);                                  \
          if (j >= side - step) clanes_expect(d, i * row + (j + step) * pixel + c, 0);         \
        }                                                                                      \
        transform(line, sums);                                                                 \
        CLANES_UNROLLED                                                                        \
        for (int i = 0; i < 5; i++) t[i][j] = sums[i];                                         \
      }                                                                                        \
      CLANES_UNROLLED                                                                          \
      for (int i = 0; i < 5; i++) {                                                            \
        clanes_lanes sums[5];                                                                  \
        transform(t[i], sums);                                                                 \
        CLANES_UNROLLED                                                                        \
        for (int j = 0; j < 5; j++) clanes_store(sums[j], out + (5 * i + j) * place);          \
      }                                                                                        \
    }                                                                                          \
  }

// From the 25 elements `side` × `side` pixels.
#define CLANES_STRIDED_OUT(name, side, transform)                                              \
  static inline void name(const float *m, long place, long O, const float *bias, float *y,     \
                          long row, long pixel) {                                              \
    for (long c = 0; c < O; c += CLANES_WIDTH) {                                               \
      clanes_lanes t[side][5], b = clanes_load(bias + c);                                      \
      CLANES_UNROLLED                                                                          \
      for (int j = 0; j < 5; j++) {                                                            \
        clanes_lanes line[5], sums[side];                                                      \
        CLANES_UNROLLED                                                                        \
        for (int i = 0; i < 5; i++) line[i] = clanes_load(m + (5 * i + j) * place + c);        \
        transform(line, sums);                                                                 \
        CLANES_UNROLLED                                                                        \
        for (int i = 0; i < side; i++) t[i][j] = sums[i];                                      \
      }                                                                                        \
      CLANES_UNROLLED                                                                          \
      for (int i = 0; i < side; i++) {                                                         \
        clanes_lanes sums[side];                                                               \
        transform(t[i], sums);                                                                 \
        CLANES_UNROLLED                                                                        \
        for (int j = 0; j < side; j++)                                                         \
          clanes_store(sums[j] + b, y + i * row + j * pixel + c);                              \
      }                                                                                        \
    }                                                                                          \
  }

/// `v = Bᵀ·d·B` of 5 × 5 pixels of `C` channels, a multiple of 16.
CLANES_STRIDED_IN(clanes_strided_source, 5, 4, clanes_strided_source_line)
/// Of 3 × 3 pixels of `dy`, for the gradient of the data.
CLANES_STRIDED_IN(clanes_strided_data_source, 3, 2, clanes_strided_data_source_line)
/// `v = A·dy·Aᵀ` of 2 × 2 pixels.
CLANES_STRIDED_IN(clanes_strided_gradient, 2, 2, clanes_strided_gradient_line)
/// `y = Aᵀ·m·A + bias`: 2 × 2 pixels of `O` channels, a multiple of 16.
CLANES_STRIDED_OUT(clanes_strided_target, 2, clanes_strided_target_line)
/// 4 × 4 pixels of `dx`.
CLANES_STRIDED_OUT(clanes_strided_data_target, 4, clanes_strided_data_target_line)

/// The 16 elements of `G·g·Gᵀ` that differ; otherwise as `clanes_winograd2_weights`.
static inline void clanes_strided_weights(const float *w, long q_stride, long i_stride, long I,
                                          _Bool turned, float *u, long u_stride, long place) {
  for (long i = 0; i < I; i++) {
    clanes_f32x16 g[9], t[4][3];
    for (int k = 0; k < 9; k++)
      g[k] = clanes_gather16(w + i * i_stride + (turned ? 8 - k : k), q_stride);
    for (int j = 0; j < 3; j++) {
      t[0][j] = g[j];
      t[1][j] = g[j] + g[6 + j];
      t[2][j] = g[6 + j];
      t[3][j] = g[3 + j];
    }
    for (int k = 0; k < 4; k++) {
      clanes_f32x16 row[4] = {t[k][0], t[k][0] + t[k][2], t[k][2], t[k][1]};
      for (int j = 0; j < 4; j++)
        clanes_store_past(row[j], u + (4 * k + j) * place + i * u_stride);
    }
  }
}

/// `dg = Gᵀ·u·G` of sixteen channels, from the 16 elements that differ: `dw[16][9]`.
static inline void clanes_strided_weight_gradient(const float *u, long place, float *dw) {
  for (long first = 0; first < 16; first += CLANES_WIDTH, u += CLANES_WIDTH) {
    clanes_lanes t[3][4];
    for (int j = 0; j < 4; j++) {
      clanes_lanes both = clanes_load(u + (4 + j) * place);
      t[0][j] = clanes_load(u + j * place) + both;
      t[1][j] = clanes_load(u + (12 + j) * place);
      t[2][j] = clanes_load(u + (8 + j) * place) + both;
    }
    for (int k = 0; k < 3; k++) {
      clanes_lanes row[3] = {t[k][0] + t[k][1], t[k][3], t[k][2] + t[k][1]};
      clanes_store_taps(row, k, dw + 9 * first);
    }
  }
}

#undef CLANES_STRIDED_IN
#undef CLANES_STRIDED_OUT
#undef CLANES_UNROLLED
#undef CLANES

#endif

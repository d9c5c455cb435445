#ifndef CLANES_WINOGRAD_H
#define CLANES_WINOGRAD_H

// Tiles of a 3×3 convolution by Winograd's F(2×2, 3×3), four outputs from sixteen products instead of
// thirty-six, and F(4×4, 3×3), sixteen from thirty-six instead of 144, with ten times the rounding error.
// Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015.
//
//   y = Aᵀ·[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]·A        dg = Gᵀ·[(A·dy·Aᵀ) ⊙ (Bᵀ·d·B)]·G
//
//        1  0 -1  0          1   0   0
//   Bᵀ = 0  1  1  0     G =  ½   ½   ½      Aᵀ = 1  1  1  0
//        0 -1  1  0          ½  -½   ½           0  1 -1 -1
//        0  1  0 -1          0   0   1
//
//        4  0 -5  0  1  0         ¼    0    0
//        0 -4 -4  1  1  0        -⅙   -⅙   -⅙           1  1  1  1  1  0
//   Bᵀ = 0  4 -4 -1  1  0    G = -⅙    ⅙   -⅙      Aᵀ = 0  1 -1  2 -2  0
//        0 -2 -1  2  1  0        1/24 1/12  ⅙           0  1  1  4  4  0
//        0  2 -1 -2  1  0        1/24 -1/12 ⅙           0  1 -1  8 -8  1
//        0  4  0 -5  0  1         0    0    1
//
// The elements of a transformed tile lie `place` numbers apart, groups of sixteen channels of one element
// `group` numbers; `row` and `pixel` are the numbers from one row, and one pixel, to the next. Pixels are
// FP32, or bf16 where `half` says so. Transforms ask for the pixels of the next tile of the row: line by
// line of a picture is no pattern that a processor fetches ahead in.

#include "vectors.h"

#define CLANES static inline __attribute__((always_inline))
// Numbers stay in registers only where their loops are no loops any more.
#define CLANES_UNROLLED _Pragma("clang loop unroll(full)")

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
    CLANES_UNROLLED                                                            \
    for (int j = 0; j < 4; j++)                                                \
      t[j] = load(d, (first) * row + j * pixel + c) sign                       \
          load(d, (second) * row + j * pixel + c);                             \
    store(t[0] - t[2], out + (4 * (i) + 0) * place);                         \
    store(t[1] + t[2], out + (4 * (i) + 1) * place);                         \
    store(t[2] - t[1], out + (4 * (i) + 2) * place);                         \
    store(t[1] - t[3], out + (4 * (i) + 3) * place);                         \
  }
#define CLANES_SOURCE(vector, load, store)                                     \
  CLANES_SOURCE_ROW(vector, load, store, 0, 0, -, 2)                           \
  CLANES_SOURCE_ROW(vector, load, store, 1, 1, +, 2)                           \
  CLANES_SOURCE_ROW(vector, load, store, 2, 2, -, 1)                           \
  CLANES_SOURCE_ROW(vector, load, store, 3, 1, -, 3)

// A call for each format, so that `half` is a constant in it.
#define CLANES_BY_FORMAT(name, ...)                                            \
  if (half)                                                                    \
    name(__VA_ARGS__, 1);                                                      \
  else                                                                         \
    name(__VA_ARGS__, 0);
#define CLANES_REAL(d, i) clanes_load_real(d, i, half)
#define CLANES_WORDS(d, i) clanes_load16_i16((d) + (i))

CLANES void clanes_winograd2_source_of(const void *d, long row, long pixel, long C, float *v,
                                       long place, long group, const _Bool half) {
  for (long c = 0; c < C; c += CLANES_WIDTH) {
    float *out = v + c / 16 * group + c % 16;
    CLANES_SOURCE(clanes_lanes, CLANES_REAL, clanes_store)
    CLANES_UNROLLED
    for (int i = 0; i < 4; i++) {
      clanes_expect(d, i * row + 4 * pixel + c, half);
      clanes_expect(d, i * row + 5 * pixel + c, half);
    }
  }
}

/// `v = Bᵀ·d·B` of 4 × 4 pixels, `C` a multiple of 16.
static inline void clanes_winograd2_source(const void *d, long row, long pixel, long C, float *v,
                                           long place, long group, _Bool half) {
  CLANES_BY_FORMAT(clanes_winograd2_source_of, d, row, pixel, C, v, place, group)
}

/// The same of integers of at most 9 bits and a sign, `C` a multiple of 16.
static inline void clanes_winograd2_source_i16(const int16_t *d, long row, long pixel, long C,
                                              int16_t *v, long place) {
  for (long c = 0; c < C; c += 16) {
    int16_t *out = v + c;
    CLANES_SOURCE(clanes_i16x16, CLANES_WORDS, clanes_store16_i16)
  }
}

// `y[i][j]`, i and j 0 or 1, of Aᵀ·m·A at channels c ... c + 7.
#define CLANES_TARGET(vector, load)                                            \
  vector upper[4], lower[4];                                                   \
  CLANES_UNROLLED                                                              \
  for (int j = 0; j < 4; j++) {                                                \
    vector m0 = load(m + j * place + c), m1 = load(m + (4 + j) * place + c);   \
    vector m2 = load(m + (8 + j) * place + c), m3 = load(m + (12 + j) * place + c); \
    upper[j] = m0 + m1 + m2;                                                   \
    lower[j] = m1 - m2 - m3;                                                   \
  }                                                                            \
  vector sum00 = upper[0] + upper[1] + upper[2], sum01 = upper[1] - upper[2] - upper[3]; \
  vector sum10 = lower[0] + lower[1] + lower[2], sum11 = lower[1] - lower[2] - lower[3];

CLANES void clanes_winograd2_target_of(const float *m, long place, long O, const float *bias,
                                       void *y, long row, long pixel, const _Bool half) {
  for (long c = 0; c < O; c += CLANES_WIDTH) {
    CLANES_TARGET(clanes_lanes, clanes_load)
    clanes_lanes b = clanes_load(bias + c);
    clanes_store_real(sum00 + b, y, c, half);
    clanes_store_real(sum01 + b, y, pixel + c, half);
    clanes_store_real(sum10 + b, y, row + c, half);
    clanes_store_real(sum11 + b, y, row + pixel + c, half);
  }
}

/// `y = Aᵀ·m·A + bias`: 2 × 2 pixels of `O` channels, a multiple of 16.
static inline void clanes_winograd2_target(const float *m, long place, long O, const float *bias,
                                           void *y, long row, long pixel, _Bool half) {
  CLANES_BY_FORMAT(clanes_winograd2_target_of, m, place, O, bias, y, row, pixel)
}

CLANES clanes_f32x8 clanes_quarter(clanes_u32x8 x) {
  return __builtin_convertvector((clanes_i32x8)x >> 2, clanes_f32x8);
}

/// `y = Aᵀ·m·A / 4` of integers, as FP32: with weights from `clanes_winograd2_weights_i16` the division
/// leaves no rest.
static inline void clanes_winograd2_target_i32(const int32_t *m, long place, long O, float *y,
                                               long row, long pixel) {
  for (long c = 0; c < O; c += 8) {
    // What runs over on the way comes back: the end is within 32 bits.
    CLANES_TARGET(clanes_u32x8, clanes_load8_u32)
    clanes_store8(clanes_quarter(sum00), y + c);
    clanes_store8(clanes_quarter(sum01), y + pixel + c);
    clanes_store8(clanes_quarter(sum10), y + row + c);
    clanes_store8(clanes_quarter(sum11), y + row + pixel + c);
  }
}

CLANES void clanes_winograd2_gradient_of(const void *dy, long row, long pixel, long O, float *v,
                                         long place, long group, const _Bool half) {
  for (long c = 0; c < O; c += CLANES_WIDTH) {
    float *out = v + c / 16 * group + c % 16;
    clanes_lanes a = CLANES_REAL(dy, c), b = CLANES_REAL(dy, pixel + c);
    clanes_lanes e = CLANES_REAL(dy, row + c), f = CLANES_REAL(dy, row + pixel + c);
    clanes_lanes left[4] = {a, a + e, a - e, -e}, right[4] = {b, b + f, b - f, -f};
    CLANES_UNROLLED
    for (int i = 0; i < 4; i++) {
      clanes_store(left[i], out + (4 * i + 0) * place);
      clanes_store(left[i] + right[i], out + (4 * i + 1) * place);
      clanes_store(left[i] - right[i], out + (4 * i + 2) * place);
      clanes_store(-right[i], out + (4 * i + 3) * place);
    }
  }
}

/// `v = A·dy·Aᵀ` of 2 × 2 pixels of `O` channels, a multiple of 16.
static inline void clanes_winograd2_gradient(const void *dy, long row, long pixel, long O,
                                             float *v, long place, long group, _Bool half) {
  CLANES_BY_FORMAT(clanes_winograd2_gradient_of, dy, row, pixel, O, v, place, group)
}

/// `u[ξ][i][q] = G·g·Gᵀ` for sixteen q, those of an i `u_stride` numbers from the next one's: `g` is
/// the 3 × 3 numbers at `w + q·q_stride + i·i_stride`, turned by half a circle if `turned`.
static inline void clanes_winograd2_weights(const float *w, long q_stride, long i_stride, long I,
                                            _Bool turned, float *u, long u_stride, long place) {
  for (long i = 0; i < I; i++) {
    clanes_f32x16 g[9], t[4][3];
    for (int k = 0; k < 9; k++)
      g[k] = clanes_gather16(w + i * i_stride + (turned ? 8 - k : k), q_stride);
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
      for (int j = 0; j < 4; j++)
        clanes_store_past(row[j], u + (4 * k + j) * place + i * u_stride);
    }
  }
}

/// `u[ξ][i/2][q][i mod 2] = (2G)·g·(2G)ᵀ` for sixteen q of integers of 7 bits and a sign; `I` is even.
static inline void clanes_winograd2_weights_i16(const int8_t *w, long q_stride, long i_stride,
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

/// `dg = Gᵀ·u·G` of sixteen channels: `dw[16][9]`.
static inline void clanes_winograd2_weight_gradient(const float *u, long place, float *dw) {
  for (long first = 0; first < 16; first += CLANES_WIDTH, u += CLANES_WIDTH) {
    clanes_lanes t[3][4];
    for (int j = 0; j < 4; j++) {
      clanes_lanes u1 = clanes_load(u + (4 + j) * place), u2 = clanes_load(u + (8 + j) * place);
      clanes_lanes half = 0.5f * (u1 + u2);
      t[0][j] = clanes_load(u + j * place) + half;
      t[1][j] = 0.5f * (u1 - u2);
      t[2][j] = clanes_load(u + (12 + j) * place) + half;
    }
    for (int k = 0; k < 3; k++) {
      clanes_lanes half = 0.5f * (t[k][1] + t[k][2]);
      clanes_lanes row[3] = {t[k][0] + half, 0.5f * (t[k][1] - t[k][2]), t[k][3] + half};
      clanes_store_taps(row, k, dw + 9 * first);
    }
  }
}

// One row or column of Bᵀ·d.
CLANES void clanes_winograd4_source_line(clanes_lanes *d) {
  clanes_lanes a = d[4] - 4.0f * d[2], b = d[3] - 4.0f * d[1];
  clanes_lanes c = d[4] - d[2], e = 2.0f * (d[3] - d[1]);
  d[0] = 4.0f * d[0] + (d[4] - 5.0f * d[2]);
  d[5] = 4.0f * d[1] + (d[5] - 5.0f * d[3]);
  d[1] = a + b;
  d[2] = a - b;
  d[3] = c + e;
  d[4] = c - e;
}

CLANES void clanes_winograd4_source_of(const void *d, long row, long pixel, long C, float *v,
                                       long place, long group, const _Bool half) {
  for (long c = 0; c < C; c += CLANES_WIDTH) {
    float *out = v + c / 16 * group + c % 16;
    clanes_lanes t[6][6];
    CLANES_UNROLLED
    for (int j = 0; j < 6; j++) {
      clanes_lanes line[6];
      CLANES_UNROLLED
      for (int i = 0; i < 6; i++) {
        line[i] = CLANES_REAL(d, i * row + j * pixel + c);
        if (j > 1) clanes_expect(d, i * row + (j + 4) * pixel + c, half);
      }
      clanes_winograd4_source_line(line);
      CLANES_UNROLLED
      for (int i = 0; i < 6; i++) t[i][j] = line[i];
    }
    CLANES_UNROLLED
    for (int i = 0; i < 6; i++) {
      clanes_winograd4_source_line(t[i]);
      CLANES_UNROLLED
      for (int j = 0; j < 6; j++) clanes_store(t[i][j], out + (6 * i + j) * place);
    }
  }
}

/// `v = Bᵀ·d·B` of 6 × 6 pixels, `C` a multiple of 16.
static inline void clanes_winograd4_source(const void *d, long row, long pixel, long C, float *v,
                                           long place, long group, _Bool half) {
  CLANES_BY_FORMAT(clanes_winograd4_source_of, d, row, pixel, C, v, place, group)
}

// One row or column of Aᵀ·m.
CLANES void clanes_winograd4_target_line(const clanes_lanes *m, clanes_lanes *y) {
  clanes_lanes p = m[1] + m[2], q = m[1] - m[2], s = m[3] + m[4], t = m[3] - m[4];
  y[0] = m[0] + p + s;
  y[1] = q + 2.0f * t;
  y[2] = p + 4.0f * s;
  y[3] = q + (8.0f * t + m[5]);
}

CLANES void clanes_winograd4_target_of(const float *m, long place, long O, const float *bias,
                                       void *y, long row, long pixel, const _Bool half) {
  for (long c = 0; c < O; c += CLANES_WIDTH) {
    clanes_lanes t[4][6], b = clanes_load(bias + c);
    CLANES_UNROLLED
    for (int j = 0; j < 6; j++) {
      clanes_lanes line[6], sums[4];
      CLANES_UNROLLED
      for (int i = 0; i < 6; i++) line[i] = clanes_load(m + (6 * i + j) * place + c);
      clanes_winograd4_target_line(line, sums);
      CLANES_UNROLLED
      for (int i = 0; i < 4; i++) t[i][j] = sums[i];
    }
    CLANES_UNROLLED
    for (int i = 0; i < 4; i++) {
      clanes_lanes sums[4];
      clanes_winograd4_target_line(t[i], sums);
      CLANES_UNROLLED
      for (int j = 0; j < 4; j++)
        clanes_store_real(sums[j] + b, y, i * row + j * pixel + c, half);
    }
  }
}

/// `y = Aᵀ·m·A + bias`: 4 × 4 pixels of `O` channels, a multiple of 16.
static inline void clanes_winograd4_target(const float *m, long place, long O, const float *bias,
                                           void *y, long row, long pixel, _Bool half) {
  CLANES_BY_FORMAT(clanes_winograd4_target_of, m, place, O, bias, y, row, pixel)
}

// One row or column of A·dy.
CLANES void clanes_winograd4_gradient_line(const clanes_lanes *d, clanes_lanes *v) {
  clanes_lanes even = d[0] + d[2], odd = d[1] + d[3];
  clanes_lanes even4 = d[0] + 4.0f * d[2], odd8 = 2.0f * d[1] + 8.0f * d[3];
  v[0] = d[0];
  v[1] = even + odd;
  v[2] = even - odd;
  v[3] = even4 + odd8;
  v[4] = even4 - odd8;
  v[5] = d[3];
}

CLANES void clanes_winograd4_gradient_of(const void *dy, long row, long pixel, long O, float *v,
                                         long place, long group, const _Bool half) {
  for (long c = 0; c < O; c += CLANES_WIDTH) {
    float *out = v + c / 16 * group + c % 16;
    clanes_lanes t[6][4];
    CLANES_UNROLLED
    for (int j = 0; j < 4; j++) {
      clanes_lanes line[4], sums[6];
      CLANES_UNROLLED
      for (int i = 0; i < 4; i++) {
        line[i] = CLANES_REAL(dy, i * row + j * pixel + c);
        clanes_expect(dy, i * row + (j + 4) * pixel + c, half);
      }
      clanes_winograd4_gradient_line(line, sums);
      CLANES_UNROLLED
      for (int i = 0; i < 6; i++) t[i][j] = sums[i];
    }
    CLANES_UNROLLED
    for (int i = 0; i < 6; i++) {
      clanes_lanes sums[6];
      clanes_winograd4_gradient_line(t[i], sums);
      CLANES_UNROLLED
      for (int j = 0; j < 6; j++) clanes_store(sums[j], out + (6 * i + j) * place);
    }
  }
}

/// `v = A·dy·Aᵀ` of 4 × 4 pixels of `O` channels, a multiple of 16.
static inline void clanes_winograd4_gradient(const void *dy, long row, long pixel, long O,
                                             float *v, long place, long group, _Bool half) {
  CLANES_BY_FORMAT(clanes_winograd4_gradient_of, dy, row, pixel, O, v, place, group)
}

// One row or column of G·g.
CLANES void clanes_winograd4_weight_line(const clanes_f32x16 *g, clanes_f32x16 *u) {
  clanes_f32x16 ends = g[0] + g[2];
  clanes_f32x16 even = (1.0f / 24) * g[0] + (1.0f / 6) * g[2], odd = (1.0f / 12) * g[1];
  u[0] = 0.25f * g[0];
  u[1] = (-1.0f / 6) * (ends + g[1]);
  u[2] = (-1.0f / 6) * (ends - g[1]);
  u[3] = even + odd;
  u[4] = even - odd;
  u[5] = g[2];
}

/// As `clanes_winograd2_weights`.
static inline void clanes_winograd4_weights(const float *w, long q_stride, long i_stride, long I,
                                            _Bool turned, float *u, long u_stride, long place) {
  for (long i = 0; i < I; i++) {
    clanes_f32x16 t[6][3];
    for (int j = 0; j < 3; j++) {
      clanes_f32x16 line[3], sums[6];
      for (int k = 0; k < 3; k++)
        line[k] = clanes_gather16(
            w + i * i_stride + (turned ? 8 - 3 * k - j : 3 * k + j), q_stride);
      clanes_winograd4_weight_line(line, sums);
      for (int k = 0; k < 6; k++) t[k][j] = sums[k];
    }
    for (int k = 0; k < 6; k++) {
      clanes_f32x16 sums[6];
      clanes_winograd4_weight_line(t[k], sums);
      for (int j = 0; j < 6; j++)
        clanes_store_past(sums[j], u + (6 * k + j) * place + i * u_stride);
    }
  }
}

// One row or column of Gᵀ·u.
CLANES void clanes_winograd4_weight_gradient_line(const clanes_lanes *u, clanes_lanes *g) {
  clanes_lanes p = (1.0f / 6) * (u[1] + u[2]), q = u[2] - u[1], s = u[3] + u[4], t = u[3] - u[4];
  g[0] = 0.25f * u[0] - p + (1.0f / 24) * s;
  g[1] = (1.0f / 6) * q + (1.0f / 12) * t;
  g[2] = u[5] - p + (1.0f / 6) * s;
}

/// As `clanes_winograd2_weight_gradient`.
static inline void clanes_winograd4_weight_gradient(const float *u, long place, float *dw) {
  for (long first = 0; first < 16; first += CLANES_WIDTH, u += CLANES_WIDTH) {
    clanes_lanes t[3][6];
    CLANES_UNROLLED
    for (int j = 0; j < 6; j++) {
      clanes_lanes line[6], sums[3];
      CLANES_UNROLLED
      for (int i = 0; i < 6; i++) line[i] = clanes_load(u + (6 * i + j) * place);
      clanes_winograd4_weight_gradient_line(line, sums);
      CLANES_UNROLLED
      for (int i = 0; i < 3; i++) t[i][j] = sums[i];
    }
    CLANES_UNROLLED
    for (int i = 0; i < 3; i++) {
      clanes_lanes sums[3];
      clanes_winograd4_weight_gradient_line(t[i], sums);
      clanes_store_taps(sums, i, dw + 9 * first);
    }
  }
}

#undef CLANES_BY_FORMAT
#undef CLANES_REAL
#undef CLANES_WORDS
#undef CLANES_SOURCE_ROW
#undef CLANES_SOURCE
#undef CLANES_TARGET
#undef CLANES_UNROLLED
#undef CLANES

#endif

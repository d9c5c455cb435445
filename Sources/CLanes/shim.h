#ifndef CLANES_SHIM_H
#define CLANES_SHIM_H

// Vectors where Swift's go lane by lane: fused multiply-add and conversions between widths, each one
// or two instructions of AVX-512; products of 16-bit pairs; and the transposition of bytes into planes.

#include <stdint.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

typedef float clanes_f32 __attribute__((ext_vector_type(16)));
typedef int32_t clanes_i32 __attribute__((ext_vector_type(16)));
typedef uint32_t clanes_u32 __attribute__((ext_vector_type(16)));
typedef uint16_t clanes_u16 __attribute__((ext_vector_type(16)));
typedef uint8_t clanes_u8 __attribute__((ext_vector_type(16)));
typedef int8_t clanes_i8 __attribute__((ext_vector_type(16)));

#define CLANES static inline __attribute__((always_inline))

/// a·b + c, rounded once.
CLANES clanes_f32 clanes_fma(clanes_f32 a, clanes_f32 b, clanes_f32 c) {
  return __builtin_elementwise_fma(a, b, c);
}

CLANES clanes_f32 clanes_load_u8(const void *p) {
  clanes_u8 bytes;
  __builtin_memcpy(&bytes, p, 16);
  return __builtin_convertvector(__builtin_convertvector(bytes, clanes_i32), clanes_f32);
}

/// Whole numbers 0 ... 255.
CLANES void clanes_store_u8(clanes_f32 x, void *p) {
  clanes_u8 bytes = __builtin_convertvector(__builtin_convertvector(x, clanes_i32), clanes_u8);
  __builtin_memcpy(p, &bytes, 16);
}

/// Whole numbers -128 ... 127.
CLANES void clanes_store_i8(clanes_f32 x, void *p) {
  clanes_i8 bytes = __builtin_convertvector(__builtin_convertvector(x, clanes_i32), clanes_i8);
  __builtin_memcpy(p, &bytes, 16);
}

CLANES clanes_f32 clanes_load_bf16(const void *p) {
  clanes_u16 half;
  __builtin_memcpy(&half, p, 32);
  clanes_u32 bits = __builtin_convertvector(half, clanes_u32) << 16;
  clanes_f32 x;
  __builtin_memcpy(&x, &bits, 64);
  return x;
}

/// To the nearest, ties to even. The NaN of arithmetic stays one: its mantissa has a single bit, so
/// nothing carries into the sign.
CLANES void clanes_store_bf16(clanes_f32 x, void *p) {
  clanes_u32 bits;
  __builtin_memcpy(&bits, &x, 64);
  bits += 0x7FFF + ((bits >> 16) & 1);
  clanes_u16 half = __builtin_convertvector(bits >> 16, clanes_u16);
  __builtin_memcpy(p, &half, 32);
}

CLANES clanes_f32 clanes_load_i32(const void *p) {
  clanes_i32 x;
  __builtin_memcpy(&x, p, 64);
  return __builtin_convertvector(x, clanes_f32);
}

#ifdef __AVX2__
// c[r][j] = Σ a[r][2k]·w[k][j][0] + a[r][2k+1]·w[k][j][1], `rows` a constant.
CLANES void clanes_pair_products(const int16_t *a, long a_stride, const int16_t *w, long pairs,
                                 int32_t *c, long c_stride, const int rows) {
  __m256i low[6], high[6];
  for (int r = 0; r < rows; r++) low[r] = high[r] = _mm256_setzero_si256();
  for (long k = 0; k < pairs; k++) {
    __m256i w0 = _mm256_loadu_si256((const __m256i *)(w + 32 * k));
    __m256i w1 = _mm256_loadu_si256((const __m256i *)(w + 32 * k + 16));
    for (int r = 0; r < rows; r++) {
      int32_t pair;
      __builtin_memcpy(&pair, a + r * a_stride + 2 * k, 4);
      __m256i x = _mm256_set1_epi32(pair);
      low[r] = _mm256_add_epi32(low[r], _mm256_madd_epi16(x, w0));
      high[r] = _mm256_add_epi32(high[r], _mm256_madd_epi16(x, w1));
    }
  }
  for (int r = 0; r < rows; r++) {
    _mm256_storeu_si256((__m256i *)(c + r * c_stride), low[r]);
    _mm256_storeu_si256((__m256i *)(c + r * c_stride + 8), high[r]);
  }
}
#else
CLANES void clanes_pair_products(const int16_t *a, long a_stride, const int16_t *w, long pairs,
                                 int32_t *c, long c_stride, const int rows) {
  for (int r = 0; r < rows; r++) {
    int32_t sums[16] = {0};
    for (long k = 0; k < pairs; k++) {
      int32_t first = a[r * a_stride + 2 * k], second = a[r * a_stride + 2 * k + 1];
      for (int j = 0; j < 16; j++)
        sums[j] += first * w[32 * k + 2 * j] + second * w[32 * k + 2 * j + 1];
    }
    __builtin_memcpy(c + r * c_stride, sums, 64);
  }
}
#endif

/// Whether the products below are single instructions here.
CLANES _Bool clanes_has_pair_products(void) {
#ifdef __AVX2__
  return 1;
#else
  return 0;
#endif
}

/// Six rows by sixteen columns of a product of 16-bit integers: `c[r][j] = Σ a[r][k]·w[k][j]`, exact
/// in 32 bits. `w` is `[pairs][16][2]`: two neighbouring k of a column side by side.
static inline void clanes_pair_products_6(const int16_t *a, long a_stride, const int16_t *w,
                                          long pairs, int32_t *c, long c_stride) {
  clanes_pair_products(a, a_stride, w, pairs, c, c_stride, 6);
}

/// The same of one row.
static inline void clanes_pair_products_1(const int16_t *a, const int16_t *w, long pairs,
                                          int32_t *c) {
  clanes_pair_products(a, 0, w, pairs, c, 0, 1);
}

typedef uint32_t clanes_w8 __attribute__((ext_vector_type(8)));
typedef uint8_t clanes_b32 __attribute__((ext_vector_type(32)));

/// Transposes the bytes of each four words: bytes 0 1 2 3, 4 5 6 7, … become 0 4 8 12, 1 5 9 13, ….
CLANES clanes_w8 clanes_transpose_bytes(clanes_w8 x) {
  clanes_b32 b;
  __builtin_memcpy(&b, &x, 32);
  b = __builtin_shufflevector(b, b, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15, 16, 20,
                              24, 28, 17, 21, 25, 29, 18, 22, 26, 30, 19, 23, 27, 31);
  __builtin_memcpy(&x, &b, 32);
  return x;
}

/// Byte p of the 32 words a b c d goes to planes[(3 - p) · stride ...]: the most significant plane
/// lies first.
CLANES void clanes_store_planes(clanes_w8 a, clanes_w8 b, clanes_w8 c, clanes_w8 d, void *planes,
                                int64_t stride) {
  a = clanes_transpose_bytes(a);
  b = clanes_transpose_bytes(b);
  c = clanes_transpose_bytes(c);
  d = clanes_transpose_bytes(d);
  clanes_w8 ab_low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
  clanes_w8 cd_low = __builtin_shufflevector(c, d, 0, 8, 1, 9, 4, 12, 5, 13);
  clanes_w8 ab_high = __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
  clanes_w8 cd_high = __builtin_shufflevector(c, d, 2, 10, 3, 11, 6, 14, 7, 15);
#define CLANES_PLANE(p, x, y, i, j)                                                              \
  do {                                                                                           \
    clanes_w8 q = __builtin_shufflevector(x, y, i, j, (i) + 8, (j) + 8, (i) + 4, (j) + 4,         \
                                          (i) + 12, (j) + 12);                                   \
    q = __builtin_shufflevector(q, q, 0, 4, 1, 5, 2, 6, 3, 7);                                    \
    __builtin_memcpy((uint8_t *)planes + (3 - (p)) * stride, &q, 32);                             \
  } while (0)
  CLANES_PLANE(0, ab_low, cd_low, 0, 1);
  CLANES_PLANE(1, ab_low, cd_low, 2, 3);
  CLANES_PLANE(2, ab_high, cd_high, 0, 1);
  CLANES_PLANE(3, ab_high, cd_high, 2, 3);
#undef CLANES_PLANE
}

/// The inverse of `clanes_store_planes`: 32 words go to `words`.
CLANES void clanes_load_planes(const void *planes, int64_t stride, void *words) {
  clanes_w8 q[4];
  for (int p = 0; p < 4; p++) {
    __builtin_memcpy(&q[p], (const uint8_t *)planes + (3 - p) * stride, 32);
    q[p] = __builtin_shufflevector(q[p], q[p], 0, 2, 4, 6, 1, 3, 5, 7);
  }
  clanes_w8 low = __builtin_shufflevector(q[0], q[1], 0, 8, 1, 9, 4, 12, 5, 13);
  clanes_w8 low2 = __builtin_shufflevector(q[2], q[3], 0, 8, 1, 9, 4, 12, 5, 13);
  clanes_w8 high = __builtin_shufflevector(q[0], q[1], 2, 10, 3, 11, 6, 14, 7, 15);
  clanes_w8 high2 = __builtin_shufflevector(q[2], q[3], 2, 10, 3, 11, 6, 14, 7, 15);
  clanes_w8 x[4];
  x[0] = clanes_transpose_bytes(__builtin_shufflevector(low, low2, 0, 1, 8, 9, 4, 5, 12, 13));
  x[1] = clanes_transpose_bytes(__builtin_shufflevector(low, low2, 2, 3, 10, 11, 6, 7, 14, 15));
  x[2] = clanes_transpose_bytes(__builtin_shufflevector(high, high2, 0, 1, 8, 9, 4, 5, 12, 13));
  x[3] = clanes_transpose_bytes(__builtin_shufflevector(high, high2, 2, 3, 10, 11, 6, 7, 14, 15));
  __builtin_memcpy(words, x, 128);
}

#undef CLANES

#endif

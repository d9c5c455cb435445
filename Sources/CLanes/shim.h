#ifndef CLANES_SHIM_H
#define CLANES_SHIM_H

// Vectors where Swift's go lane by lane: fused multiply-add and conversions between widths, each one
// or two instructions of AVX-512; and products of 16-bit pairs.

#include "vectors.h"

typedef float clanes_f32 __attribute__((ext_vector_type(16)));
typedef int32_t clanes_i32 __attribute__((ext_vector_type(16)));
typedef int64_t clanes_i64 __attribute__((ext_vector_type(16)));
typedef uint32_t clanes_u32 __attribute__((ext_vector_type(16)));
typedef uint16_t clanes_u16 __attribute__((ext_vector_type(16)));
typedef uint8_t clanes_u8 __attribute__((ext_vector_type(16)));
typedef int8_t clanes_i8 __attribute__((ext_vector_type(16)));

#define CLANES static inline __attribute__((always_inline))
// Sums stay in registers only where their loops are no loops any more.
#define CLANES_UNROLLED _Pragma("clang loop unroll(full)")

/// a·b + c, rounded once.
CLANES clanes_f32 clanes_fma(clanes_f32 a, clanes_f32 b, clanes_f32 c) {
  return __builtin_elementwise_fma(a, b, c);
}

/// Asks for the cache line at `p`, which need not be memory of the program's.
CLANES void clanes_prefetch(const void *p) { __builtin_prefetch(p); }

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

CLANES void clanes_store_bf16(clanes_f32 x, void *p) {
  clanes_u32 bits;
  __builtin_memcpy(&bits, &x, 64);
  clanes_u16 half = __builtin_convertvector(CLANES_HALF_BITS(bits), clanes_u16);
  __builtin_memcpy(p, &half, 32);
}

CLANES clanes_f32 clanes_load_i32(const void *p) {
  clanes_i32 x;
  __builtin_memcpy(&x, p, 64);
  return __builtin_convertvector(x, clanes_f32);
}

/// Whole numbers that 32 bits hold.
CLANES clanes_i32 clanes_to_i32(clanes_f32 x) { return __builtin_convertvector(x, clanes_i32); }

CLANES clanes_f32 clanes_to_f32(clanes_i32 x) { return __builtin_convertvector(x, clanes_f32); }

/// x·2^left·multiplier/2^31, halves up, then /2^right, halves away from zero; shifts 0 ... 31.
CLANES clanes_i32 clanes_fixed_products(clanes_i32 x, clanes_i32 multiplier, clanes_i32 left,
                                        clanes_i32 right) {
  clanes_i32 shifted = (clanes_i32)((clanes_u32)x << (clanes_u32)left);
  clanes_i64 product = __builtin_convertvector(shifted, clanes_i64) *
                       __builtin_convertvector(multiplier, clanes_i64);
  clanes_i32 high = __builtin_convertvector((product + (1 << 30)) >> 31, clanes_i32);
  clanes_i32 mask = (clanes_i32)(((clanes_u32)(1) << (clanes_u32)right) - 1);
  // A comparison is -1 where it holds.
  clanes_i32 threshold = (mask >> 1) - (high < 0);
  return (high >> right) - ((high & mask) > threshold);
}

#ifdef __AVX2__
// c[r][j] = Σ a[r][2k]·w[k][j][0] + a[r][2k+1]·w[k][j][1], `rows` a constant.
CLANES void clanes_pair_products(const int16_t *a, long a_stride, const int16_t *w, long pairs,
                                 int32_t *c, long c_stride, const int rows) {
  __m256i low[6], high[6];
  CLANES_UNROLLED
  for (int r = 0; r < rows; r++) low[r] = high[r] = _mm256_setzero_si256();
  for (long k = 0; k < pairs; k++) {
    __m256i w0 = _mm256_loadu_si256((const __m256i *)(w + 32 * k));
    __m256i w1 = _mm256_loadu_si256((const __m256i *)(w + 32 * k + 16));
    CLANES_UNROLLED
    for (int r = 0; r < rows; r++) {
      int32_t pair;
      __builtin_memcpy(&pair, a + r * a_stride + 2 * k, 4);
      __m256i x = _mm256_set1_epi32(pair);
      low[r] = _mm256_add_epi32(low[r], _mm256_madd_epi16(x, w0));
      high[r] = _mm256_add_epi32(high[r], _mm256_madd_epi16(x, w1));
    }
  }
  CLANES_UNROLLED
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

/// `c[r][j] = Σ a[r][k]·w[k][j]` of 16-bit integers for `count` rows and sixteen columns, exact in 32
/// bits. `w` is `[pairs][16][2]`: two neighbouring k of a column side by side.
static inline void clanes_pair_product_rows(const int16_t *a, long a_stride, const int16_t *w,
                                            long pairs, int32_t *c, long c_stride, long count) {
  // Groups as even as can be: with few rows the additions wait for one another.
  long groups = (count + 5) / 6;
  for (long g = 0; g < groups; g++) {
    long rows = count / groups + (g < count % groups);
    switch (rows) {
      case 6: clanes_pair_products(a, a_stride, w, pairs, c, c_stride, 6); break;
      case 5: clanes_pair_products(a, a_stride, w, pairs, c, c_stride, 5); break;
      case 4: clanes_pair_products(a, a_stride, w, pairs, c, c_stride, 4); break;
      case 3: clanes_pair_products(a, a_stride, w, pairs, c, c_stride, 3); break;
      case 2: clanes_pair_products(a, a_stride, w, pairs, c, c_stride, 2); break;
      default: clanes_pair_products(a, a_stride, w, pairs, c, c_stride, 1);
    }
    a += rows * a_stride;
    c += rows * c_stride;
  }
}

/// Windows of `kernel` lines of `run` numbers, `step` numbers apart in lines of `line` numbers, one after
/// the other, each at the beginning of `out_stride` numbers.
///
/// Whole vectors are copied: up to 15 numbers behind the last ones are read and written.
static inline void clanes_gather_windows(const int16_t *x, long line, long step, long kernel,
                                         long run, int16_t *out, long out_stride, long count) {
  for (long r = 0; r < count; r++)
    for (long i = 0; i < kernel; i++) {
      const int16_t *from = x + i * line + r * step;
      int16_t *to = out + r * out_stride + i * run;
      for (long k = 0; k < run; k += 16) __builtin_memcpy(to + k, from + k, 32);
    }
}

#undef CLANES_UNROLLED
#undef CLANES

#endif

#ifndef CLANES_VECTORS_H
#define CLANES_VECTORS_H

// The vectors that kernels of convolutions work on: one register each.

#include <stdint.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

// Numbers worked on at a time. Matrix kernels take two vectors side by side, and as many rows as leave
// registers for a factor and the two.
#ifdef __AVX512F__
#define CLANES_WIDTH 16
#define CLANES_ROWS 12
#else
#define CLANES_WIDTH 8
#define CLANES_ROWS 6
#endif

// The bits of FP32 numbers as those of bf16: to the nearest, ties to even. The NaN of arithmetic stays one:
// its mantissa has a single bit, so nothing carries into the sign.
#define CLANES_HALF_BITS(bits) (((bits) + 0x7FFF + (((bits) >> 16) & 1)) >> 16)

typedef float clanes_lanes __attribute__((ext_vector_type(CLANES_WIDTH)));
typedef uint32_t clanes_words __attribute__((ext_vector_type(CLANES_WIDTH)));
typedef uint16_t clanes_halves __attribute__((ext_vector_type(CLANES_WIDTH)));
typedef float clanes_f32x8 __attribute__((ext_vector_type(8)));
typedef float clanes_f32x16 __attribute__((ext_vector_type(16)));
typedef int32_t clanes_i32x8 __attribute__((ext_vector_type(8)));
typedef uint32_t clanes_u32x8 __attribute__((ext_vector_type(8)));
typedef int16_t clanes_i16x16 __attribute__((ext_vector_type(16)));

#define CLANES static inline __attribute__((always_inline))

/// Whether kernels of convolutions were built for vectors with fused multiply-add.
CLANES _Bool clanes_has_winograd(void) {
#if defined(__AVX2__) && defined(__FMA__)
  return 1;
#else
  return 0;
#endif
}

CLANES clanes_lanes clanes_load(const float *p) {
  clanes_lanes x;
  __builtin_memcpy(&x, p, sizeof x);
  return x;
}

/// Sixteen numbers, each `stride` numbers from the next.
CLANES clanes_f32x16 clanes_gather16(const float *p, long stride) {
  clanes_f32x16 x;
#ifdef __AVX512F__
  __m512i places = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  places = _mm512_mullo_epi32(places, _mm512_set1_epi32((int)stride));
  __m512 gathered = _mm512_i32gather_ps(places, p, 4);
  __builtin_memcpy(&x, &gathered, 64);
#else
  for (int q = 0; q < 16; q++) x[q] = p[q * stride];
#endif
  return x;
}

CLANES void clanes_store(clanes_lanes x, float *p) { __builtin_memcpy(p, &x, sizeof x); }

/// Numbers `i`, … of an array of bf16 where `half`, a constant, says so; of FP32 else.
CLANES clanes_lanes clanes_load_real(const void *p, long i, const _Bool half) {
  if (!half) return clanes_load((const float *)p + i);
  clanes_halves upper;
  __builtin_memcpy(&upper, (const uint16_t *)p + i, sizeof upper);
  clanes_words bits = __builtin_convertvector(upper, clanes_words) << 16;
  clanes_lanes x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

CLANES void clanes_store_real(clanes_lanes x, void *p, long i, const _Bool half) {
  if (!half) return clanes_store(x, (float *)p + i);
  clanes_words bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  clanes_halves upper = __builtin_convertvector(CLANES_HALF_BITS(bits), clanes_halves);
  __builtin_memcpy((uint16_t *)p + i, &upper, sizeof upper);
}

/// Asks for the line of number `i`, which may lie outside the array.
CLANES void clanes_expect(const void *p, long i, const _Bool half) {
  __builtin_prefetch((const char *)p + i * (half ? 2 : 4));
}

/// Past the caches, for transformed weights are read long after: `p` lies at the beginning of a line.
CLANES void clanes_store_past(clanes_f32x16 x, float *p) {
  __builtin_nontemporal_store(x, (clanes_f32x16 *)p);
}

/// Row `k` of the 3 × 3 numbers of some channels: `dw[c][3·k + j] = row[j][c]`.
CLANES void clanes_store_taps(const clanes_lanes *row, long k, float *dw) {
  for (int j = 0; j < 3; j++)
    for (int c = 0; c < CLANES_WIDTH; c++) dw[9 * c + 3 * k + j] = row[j][c];
}

#undef CLANES

#endif

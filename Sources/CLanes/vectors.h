#ifndef CLANES_VECTORS_H
#define CLANES_VECTORS_H

// The vectors that kernels of convolutions work on: one register each.

#include <stdint.h>

// Numbers worked on at a time. Matrix kernels take two vectors side by side, and as many rows as leave
// registers for a factor and the two.
#ifdef __AVX512F__
#define CLANES_WIDTH 16
#define CLANES_ROWS 12
#else
#define CLANES_WIDTH 8
#define CLANES_ROWS 6
#endif

typedef float clanes_lanes __attribute__((ext_vector_type(CLANES_WIDTH)));
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

CLANES void clanes_store(clanes_lanes x, float *p) { __builtin_memcpy(p, &x, sizeof x); }

#undef CLANES

#endif

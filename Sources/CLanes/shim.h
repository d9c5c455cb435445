#ifndef CLANES_SHIM_H
#define CLANES_SHIM_H

// Vectors of sixteen elements where Swift's SIMD16 goes lane by lane: fused multiply-add and
// conversions between widths. Each function is one or two instructions of AVX-512.

#include <stdint.h>

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

#undef CLANES

#endif

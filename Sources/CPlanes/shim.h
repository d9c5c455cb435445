#ifndef CPLANES_SHIM_H
#define CPLANES_SHIM_H

// The transposition of the bytes of 32-bit words into planes and back, by shuffles of whole vectors: Swift
// has no shuffle of constant places, and goes byte by byte.

#include <stdint.h>

#define CPLANES static inline __attribute__((always_inline))

typedef uint32_t cplanes_w8 __attribute__((ext_vector_type(8)));
typedef uint8_t cplanes_b32 __attribute__((ext_vector_type(32)));

/// Transposes the bytes of each four words: bytes 0 1 2 3, 4 5 6 7, … become 0 4 8 12, 1 5 9 13, ….
CPLANES cplanes_w8 cplanes_transpose_bytes(cplanes_w8 x) {
  cplanes_b32 b;
  __builtin_memcpy(&b, &x, 32);
  b = __builtin_shufflevector(b, b, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15, 16, 20,
                              24, 28, 17, 21, 25, 29, 18, 22, 26, 30, 19, 23, 27, 31);
  __builtin_memcpy(&x, &b, 32);
  return x;
}

/// Byte p of the 32 words a b c d goes to planes[(3 - p) · stride ...]: the most significant plane
/// lies first.
CPLANES void cplanes_store_planes(cplanes_w8 a, cplanes_w8 b, cplanes_w8 c, cplanes_w8 d, void *planes,
                                int64_t stride) {
  a = cplanes_transpose_bytes(a);
  b = cplanes_transpose_bytes(b);
  c = cplanes_transpose_bytes(c);
  d = cplanes_transpose_bytes(d);
  cplanes_w8 ab_low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
  cplanes_w8 cd_low = __builtin_shufflevector(c, d, 0, 8, 1, 9, 4, 12, 5, 13);
  cplanes_w8 ab_high = __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
  cplanes_w8 cd_high = __builtin_shufflevector(c, d, 2, 10, 3, 11, 6, 14, 7, 15);
#define CPLANES_PLANE(p, x, y, i, j)                                                              \
  do {                                                                                           \
    cplanes_w8 q = __builtin_shufflevector(x, y, i, j, (i) + 8, (j) + 8, (i) + 4, (j) + 4,         \
                                          (i) + 12, (j) + 12);                                   \
    q = __builtin_shufflevector(q, q, 0, 4, 1, 5, 2, 6, 3, 7);                                    \
    __builtin_memcpy((uint8_t *)planes + (3 - (p)) * stride, &q, 32);                             \
  } while (0)
  CPLANES_PLANE(0, ab_low, cd_low, 0, 1);
  CPLANES_PLANE(1, ab_low, cd_low, 2, 3);
  CPLANES_PLANE(2, ab_high, cd_high, 0, 1);
  CPLANES_PLANE(3, ab_high, cd_high, 2, 3);
#undef CPLANES_PLANE
}

/// The inverse of `cplanes_store_planes`: 32 words go to `words`.
CPLANES void cplanes_load_planes(const void *planes, int64_t stride, void *words) {
  cplanes_w8 q[4];
  for (int p = 0; p < 4; p++) {
    __builtin_memcpy(&q[p], (const uint8_t *)planes + (3 - p) * stride, 32);
    q[p] = __builtin_shufflevector(q[p], q[p], 0, 2, 4, 6, 1, 3, 5, 7);
  }
  cplanes_w8 low = __builtin_shufflevector(q[0], q[1], 0, 8, 1, 9, 4, 12, 5, 13);
  cplanes_w8 low2 = __builtin_shufflevector(q[2], q[3], 0, 8, 1, 9, 4, 12, 5, 13);
  cplanes_w8 high = __builtin_shufflevector(q[0], q[1], 2, 10, 3, 11, 6, 14, 7, 15);
  cplanes_w8 high2 = __builtin_shufflevector(q[2], q[3], 2, 10, 3, 11, 6, 14, 7, 15);
  cplanes_w8 x[4];
  x[0] = cplanes_transpose_bytes(__builtin_shufflevector(low, low2, 0, 1, 8, 9, 4, 5, 12, 13));
  x[1] = cplanes_transpose_bytes(__builtin_shufflevector(low, low2, 2, 3, 10, 11, 6, 7, 14, 15));
  x[2] = cplanes_transpose_bytes(__builtin_shufflevector(high, high2, 0, 1, 8, 9, 4, 5, 12, 13));
  x[3] = cplanes_transpose_bytes(__builtin_shufflevector(high, high2, 2, 3, 10, 11, 6, 7, 14, 15));
  __builtin_memcpy(words, x, 128);
}

#undef CPLANES

#endif

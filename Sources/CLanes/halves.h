#ifndef CLANES_HALVES_H
#define CLANES_HALVES_H

// bf16 numbers in pairs, for the products of `clanes_outer_half_rows`. A pair is one word, the earlier number
// in its lower half.

#include "vectors.h"

/// Pairs of `C` channels, a multiple of 16, of two pixels; groups of sixteen lie `group` words apart.
static inline void clanes_pair_halves(const void *first, const void *second, long C,
                                      uint32_t *out, long group) {
  typedef uint16_t halves __attribute__((ext_vector_type(16)));
  typedef uint32_t words __attribute__((ext_vector_type(16)));
  for (long c = 0; c < C; c += 16) {
    halves low, high;
    __builtin_memcpy(&low, (const uint16_t *)first + c, 32);
    __builtin_memcpy(&high, (const uint16_t *)second + c, 32);
    words pairs =
        __builtin_convertvector(low, words) | __builtin_convertvector(high, words) << 16;
    __builtin_memcpy(out + c / 16 * group, &pairs, 64);
  }
}

/// The nine taps of sixteen channels, `place` numbers apart, as `dw[16][9]`.
static inline void clanes_store_nine_taps(const float *sums, long place, float *dw) {
  for (long first = 0; first < 16; first += CLANES_WIDTH)
    for (int k = 0; k < 3; k++) {
      clanes_lanes row[3];
      for (int j = 0; j < 3; j++) row[j] = clanes_load(sums + (3 * k + j) * place + first);
      clanes_store_taps(row, k, dw + 9 * first);
    }
}

#endif

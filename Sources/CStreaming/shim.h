#ifndef CSTREAMING_SHIM_H
#define CSTREAMING_SHIM_H

// A copy whose target goes past the caches: Swift has no store that says so.

#include <stddef.h>

typedef float cstreaming_w8 __attribute__((ext_vector_type(8)));

/// Copies `count` bytes; `target` is aligned to 32. The target's lines are written without being read first,
/// and nothing leaves the caches for them: a third less traffic than `memcpy`, for what is read much later.
static inline __attribute__((always_inline)) void cstreaming_copy(void *target, const void *source,
                                                                  size_t count) {
  char *to = (char *)__builtin_assume_aligned(target, 32);
  const char *from = (const char *)source;
  size_t whole = count - count % 128;
  for (size_t i = 0; i < whole; i += 128) {
    cstreaming_w8 parts[4];
    __builtin_memcpy(parts, from + i, 128);
    for (size_t k = 0; k < 4; k++)
      __builtin_nontemporal_store(parts[k], (cstreaming_w8 *)(to + i + 32 * k));
  }
  if (count > whole) __builtin_memcpy(to + whole, from + whole, count - whole);
}

/// Makes the bytes of the copies before it visible to whoever sees what is written after it.
static inline __attribute__((always_inline)) void cstreaming_fence(void) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif

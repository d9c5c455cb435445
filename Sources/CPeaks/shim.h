// Loops of nothing but multiply-adds in registers: what a core can do at most.
//
// Each runs `rounds` rounds of twelve independent instructions, more than latency times ports on any
// core so far, and returns something that depends on all of them so that none is left out. The
// instruction sets are asked for per function and at run time, whatever the build's own flags are.
#ifndef CPEAKS_SHIM_H
#define CPEAKS_SHIM_H

#define CPEAKS_CHAINS 12

// One lane's share, for a core without the wider sets: sixteen floats in whatever registers there are.
typedef float cpeaks_float16 __attribute__((ext_vector_type(16)));

/// Multiply-adds of one round of `cpeaks_float32_portable`.
#define CPEAKS_PORTABLE_LANES 16

static inline float cpeaks_float32_portable(long rounds, float factor, float term) {
#pragma clang fp contract(fast)
  cpeaks_float16 sums[4] = {0, 1, 2, 3};
  for (long round = 0; round < rounds; round++)
    for (int chain = 0; chain < 4; chain++) sums[chain] = sums[chain] * factor + term;
  cpeaks_float16 sum = sums[0] + sums[1] + sums[2] + sums[3];
  return sum[0] + sum[15];
}

#if defined(__x86_64__)
#include <immintrin.h>

static inline int cpeaks_has_fma(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
static inline int cpeaks_has_avx512(void) { return __builtin_cpu_supports("avx512f"); }
static inline int cpeaks_has_vnni(void) { return __builtin_cpu_supports("avx512vnni"); }
static inline int cpeaks_has_bf16(void) { return __builtin_cpu_supports("avx512bf16"); }

/// 8 multiply-adds an instruction.
__attribute__((target("avx2,fma"))) static inline float cpeaks_float32_avx2(
    long rounds, float factor, float term) {
  __m256 f = _mm256_set1_ps(factor), t = _mm256_set1_ps(term), sums[CPEAKS_CHAINS];
  for (int i = 0; i < CPEAKS_CHAINS; i++) sums[i] = _mm256_set1_ps((float)i);
  for (long round = 0; round < rounds; round++)
#pragma clang loop unroll(full)
    for (int i = 0; i < CPEAKS_CHAINS; i++) sums[i] = _mm256_fmadd_ps(sums[i], f, t);
  __m256 sum = sums[0];
  for (int i = 1; i < CPEAKS_CHAINS; i++) sum = _mm256_add_ps(sum, sums[i]);
  return sum[0] + sum[7];
}

/// 16 multiply-adds an instruction.
__attribute__((target("avx512f"))) static inline float cpeaks_float32_avx512(
    long rounds, float factor, float term) {
  __m512 f = _mm512_set1_ps(factor), t = _mm512_set1_ps(term), sums[CPEAKS_CHAINS];
  for (int i = 0; i < CPEAKS_CHAINS; i++) sums[i] = _mm512_set1_ps((float)i);
  for (long round = 0; round < rounds; round++)
#pragma clang loop unroll(full)
    for (int i = 0; i < CPEAKS_CHAINS; i++) sums[i] = _mm512_fmadd_ps(sums[i], f, t);
  __m512 sum = sums[0];
  for (int i = 1; i < CPEAKS_CHAINS; i++) sum = _mm512_add_ps(sum, sums[i]);
  return sum[0] + sum[15];
}

/// 32 multiply-adds an instruction: pairs of bfloat16 into float.
__attribute__((target("avx512f,avx512bf16"))) static inline float cpeaks_bfloat16(
    long rounds, float factor, float term) {
  __m512bh f = _mm512_cvtne2ps_pbh(_mm512_set1_ps(factor), _mm512_set1_ps(factor));
  __m512bh t = _mm512_cvtne2ps_pbh(_mm512_set1_ps(term), _mm512_set1_ps(term));
  __m512 sums[CPEAKS_CHAINS];
  for (int i = 0; i < CPEAKS_CHAINS; i++) sums[i] = _mm512_set1_ps((float)i);
  for (long round = 0; round < rounds; round++)
#pragma clang loop unroll(full)
    for (int i = 0; i < CPEAKS_CHAINS; i++) sums[i] = _mm512_dpbf16_ps(sums[i], f, t);
  __m512 sum = sums[0];
  for (int i = 1; i < CPEAKS_CHAINS; i++) sum = _mm512_add_ps(sum, sums[i]);
  return sum[0] + sum[15];
}

/// 64 multiply-adds an instruction: fours of u8 times s8 into s32.
__attribute__((target("avx512f,avx512vnni"))) static inline int cpeaks_int8(
    long rounds, int factor, int term) {
  __m512i f = _mm512_set1_epi32(factor), t = _mm512_set1_epi32(term), sums[CPEAKS_CHAINS];
  for (int i = 0; i < CPEAKS_CHAINS; i++) sums[i] = _mm512_set1_epi32(i);
  for (long round = 0; round < rounds; round++)
#pragma clang loop unroll(full)
    for (int i = 0; i < CPEAKS_CHAINS; i++) sums[i] = _mm512_dpbusd_epi32(sums[i], f, t);
  __m512i sum = sums[0];
  for (int i = 1; i < CPEAKS_CHAINS; i++) sum = _mm512_add_epi32(sum, sums[i]);
  return _mm512_reduce_add_epi32(sum);
}
#else
static inline int cpeaks_has_fma(void) { return 0; }
static inline int cpeaks_has_avx512(void) { return 0; }
static inline int cpeaks_has_vnni(void) { return 0; }
static inline int cpeaks_has_bf16(void) { return 0; }
static inline float cpeaks_float32_avx2(long rounds, float factor, float term) { return 0; }
static inline float cpeaks_float32_avx512(long rounds, float factor, float term) { return 0; }
static inline float cpeaks_bfloat16(long rounds, float factor, float term) { return 0; }
static inline int cpeaks_int8(long rounds, int factor, int term) { return 0; }
#endif

#endif

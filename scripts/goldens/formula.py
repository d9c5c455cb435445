"""The numbers that golden inputs and weights are filled with, the same here and in Swift.

number(i, name) is a 32-bit hash of an index and a name:
    h = (i * 2654435761 + fnv1a32(name)) mod 2^32
    h ^= h >> 16; h *= 0x45d9f3b; h ^= h >> 16; h *= 0x45d9f3b; h ^= h >> 16
unit = number / 2^32 in [0, 1) and signed = 2 * unit - 1, both exact in double; a consumer scales in
double and rounds to float32 once.
"""

import numpy


def fnv1a32(name: str) -> int:
    h = 0x811C9DC5
    for byte in name.encode():
        h = ((h ^ byte) * 0x01000193) & 0xFFFFFFFF
    return h


def numbers(count: int, name: str) -> numpy.ndarray:
    """uint64 array of number(0, name) … number(count - 1, name)."""
    mask = numpy.uint64(0xFFFFFFFF)
    h = numpy.arange(count, dtype=numpy.uint64) * numpy.uint64(2654435761)
    h = (h + numpy.uint64(fnv1a32(name))) & mask
    for _ in range(2):
        h ^= h >> numpy.uint64(16)
        h = (h * numpy.uint64(0x45D9F3B)) & mask
    return h ^ (h >> numpy.uint64(16))


def unit(count: int, name: str) -> numpy.ndarray:
    return numbers(count, name).astype(numpy.float64) / 2**32


def signed(count: int, name: str) -> numpy.ndarray:
    return 2 * unit(count, name) - 1

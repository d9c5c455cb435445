#!/usr/bin/env python3
"""Reads an exported safetensors file with the format's own library and prints one JSON line.

  check_safetensors.py FILE

Needs the packages safetensors and numpy. Exit code 0: all is well; 1: a sentence says what is not.
"""

import collections
import json
import sys

try:
    import numpy as np
    from safetensors import safe_open
except ImportError as error:
    sys.exit(f"check_safetensors.py: {error}; install safetensors and numpy for {sys.executable}")


def main(path):
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        metadata = file.metadata()
    for name, values in tensors.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            sys.exit(f"check_safetensors.py: {path}: {name} has NaN or infinity")
    types = collections.Counter(str(values.dtype) for values in tensors.values())
    print(
        json.dumps(
            {"tensors": len(tensors), "types": dict(sorted(types.items())), "metadata": metadata}))


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except IndexError:
        sys.exit("check_safetensors.py: give a file")
    except OSError as error:
        sys.exit(f"check_safetensors.py: {error.filename}: {error.strerror}")
    except Exception as error:  # the library raises types of its own
        sys.exit(f"check_safetensors.py: {sys.argv[1]}: {' '.join(str(error).split())}")

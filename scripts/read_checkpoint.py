#!/usr/bin/env python3
"""Reads a checkpoint with numpy and zstandard alone, as docs/checkpoint-format.md describes it.

    scripts/read_checkpoint.py runs/demo/checkpoints/step-00001200             lists the tensors
    scripts/read_checkpoint.py runs/demo/checkpoints/step-00001200 tensors.bin  writes their bytes
"""
import json
import pathlib
import sys

import numpy
import zstandard

def frame(shard, entry, encoding, size, base):
    """The bytes of one frame as they lay in memory; `base` are those of the base tensor."""
    stored = shard[entry["offset"]:entry["offset"] + entry["length"]]
    raw = zstandard.ZstdDecompressor().decompress(stored)  # checks the frame's checksum
    assert len(raw) == entry["raw_length"], "a frame of another length"
    if encoding == "planes":
        return numpy.frombuffer(raw, "u1").reshape(size, -1).T.tobytes()
    if encoding == "plain":
        return raw
    planes = numpy.frombuffer(raw, "u1").reshape(size, -1)  # most significant byte first
    u = numpy.ascontiguousarray(planes[::-1].T).view(f"<u{size}").ravel()
    one, high = u.dtype.type(1), u.dtype.type(8 * size - 1)
    if encoding == "float-planes":
        return ((u >> one) | (u << high)).tobytes()
    assert encoding == "difference-planes", f"unknown encoding {encoding}"
    difference = (u >> one) ^ (u.dtype.type(0) - (u & one))
    return (numpy.frombuffer(base, u.dtype) + difference).tobytes()


def read(folder):
    """The manifest, and the tensors by (name, role); bfloat16 as uint16."""
    folder = pathlib.Path(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["format"] == "edgewise-checkpoint" and manifest["version"] in (1, 2)
    shards = {s["file"]: (folder / s["file"]).read_bytes() for s in manifest["shards"]}
    tensors = {}
    for t in sorted(manifest["tensors"], key=lambda t: "base" in t):  # bases first
        dtype = numpy.dtype("uint16" if t["dtype"] == "bfloat16" else t["dtype"])
        base = tensors[t["name"], t["base"]].tobytes() if "base" in t else b""
        raw = b""
        for f in t["frames"]:
            near = base[len(raw):len(raw) + f["raw_length"]]
            raw += frame(shards[t["shard"]], f, t["encoding"], dtype.itemsize, near)
        tensors[t["name"], t["role"]] = numpy.frombuffer(raw, dtype).reshape(t["shape"])
    return manifest, {(t["name"], t["role"]): tensors[t["name"], t["role"]] for t in manifest["tensors"]}


if __name__ == "__main__":
    manifest, tensors = read(sys.argv[1])
    if len(sys.argv) > 2:
        pathlib.Path(sys.argv[2]).write_bytes(b"".join(t.tobytes() for t in tensors.values()))
    for (name, role), t in tensors.items():
        print(name, role, t.dtype, t.shape)

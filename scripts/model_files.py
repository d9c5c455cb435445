"""The files that edgewise and the checks of exported models exchange: one line of JSON, a newline,
then raw little-endian numbers."""

import collections
import json

import numpy as np


class Failure(Exception):
    """What is wrong, as a sentence for the user."""


def read_header(file, path, keys):
    """The JSON line at the head of a file, with all of `keys` in it."""
    try:
        header = json.loads(file.readline(1 << 20))
        if not isinstance(header, dict):
            raise ValueError("not an object")
    except ValueError as error:
        raise Failure(f"{path}: the first line is not a JSON header ({error})") from error
    missing = [key for key in keys if key not in header]
    if missing:
        raise Failure(f"{path}: the header has no {missing[0]!r}")
    return header


def read_numbers(file, path, dtype, shape):
    """The next numbers of a file; fewer than `shape` holds are an error."""
    count = int(np.prod(shape, dtype=np.int64))
    values = np.fromfile(file, dtype, count)
    if values.size != count:
        raise Failure(f"{path}: ends after {values.size} of {count} numbers for shape {list(shape)}")
    return values.reshape(shape)


def compare(name, got, wanted, step):
    """How far `got` is from `wanted`; in steps of the output's grid, if it has one."""
    if list(got.shape) != list(wanted.shape):
        raise Failure(f"output {name} is {list(got.shape)}, the reference {list(wanted.shape)}")
    difference = np.abs(got.astype(np.float64) - wanted.astype(np.float64))
    result = {
        "maximum_difference": float(difference.max(initial=0)),
        "mean_difference": float(difference.mean()) if difference.size else 0.0,
        "largest_value": float(np.abs(wanted.astype(np.float64)).max(initial=0)),
        "equal_share": float((got == wanted).mean()) if got.size else 1.0,
    }
    if step:
        steps = np.rint(difference / step).astype(np.int64)
        counts = collections.Counter(steps.ravel().tolist())
        result["steps"] = {
            "maximum": int(steps.max(initial=0)),
            "equal_share": float((steps == 0).mean()) if steps.size else 1.0,
            "histogram": {str(key): counts[key] for key in sorted(counts)},
        }
    return result


def write_outputs(source_path, target_path, size, run):
    """Runs every picture of a file of inputs through `run` and writes its boxes and scores.

    `run` takes uint8 [H, W, 3] and gives float32 boxes [A, 4] and scores [A, classes]. Returns the
    counts that the report names.
    """
    with open(source_path, "rb") as source, open(target_path, "wb") as target:
        header = read_header(source, source_path, ["count", "height", "width"])
        count, height, width = header["count"], header["height"], header["width"]
        if list(size) != [height, width]:
            raise Failure(f"{source_path}: pictures are {height}×{width}, the model takes {list(size)}")
        anchors = classes = 0
        for index in range(count):
            boxes, scores = run(read_numbers(source, source_path, "u1", (height, width, 3)))
            if index == 0:
                anchors, classes = scores.shape
                header = {"count": count, "anchors": int(anchors), "classes": int(classes)}
                target.write(json.dumps(header).encode() + b"\n")
            boxes.astype("<f4").tofile(target)
            scores.astype("<f4").tofile(target)
        if source.read(1):
            raise Failure(f"{source_path}: has more than its {count} pictures")
        if count == 0:
            target.write(b'{"count": 0, "anchors": 0, "classes": 0}\n')
    return {"count": count, "anchors": int(anchors), "classes": int(classes)}

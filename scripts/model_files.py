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


def pictures(source, path, size):
    """The number of pictures in a file of inputs, and an iterator over them, uint8 [H, W, 3]."""
    header = read_header(source, path, ["count", "height", "width"])
    count, height, width = header["count"], header["height"], header["width"]
    if list(size) != [height, width]:
        raise Failure(f"{path}: pictures are {height}×{width}, the model takes {list(size)}")

    def each():
        for _ in range(count):
            yield read_numbers(source, path, "u1", (height, width, 3))
        if source.read(1):
            raise Failure(f"{path}: has more than its {count} pictures")

    return count, each()


def in_order(names):
    """The heads among the names of outputs, level by level, boxes before classes."""
    heads = [name for name in names if name.startswith(("boxes.stride", "classes.stride"))]
    return sorted(heads, key=lambda name: (int(name.partition(".stride")[2]), name))


def write_sites(source_path, target_path, size, runtime, sites, heads, run):
    """Runs every picture of a file of inputs through `run` and writes the points of its sites, int8, and
    the numbers of its heads, float32, in the order of their names. Returns the number of pictures."""
    with open(source_path, "rb") as source, open(target_path, "wb") as target:
        count, each = pictures(source, source_path, size)
        header = {"count": count, "runtime": runtime, "sites": sites, "heads": heads}
        target.write(json.dumps(header).encode() + b"\n")
        for picture in each:
            points, numbers = run(picture)
            for values in points:
                np.ascontiguousarray(values, "i1").tofile(target)
            for values in numbers:
                np.ascontiguousarray(values, "<f4").tofile(target)
    return count


def write_outputs(source_path, target_path, size, run):
    """Runs every picture of a file of inputs through `run` and writes its boxes and scores.

    `run` takes uint8 [H, W, 3] and gives float32 boxes [A, 4] and scores [A, classes]. Returns the
    counts that the report names.
    """
    with open(source_path, "rb") as source, open(target_path, "wb") as target:
        count, each = pictures(source, source_path, size)
        anchors = classes = 0
        for index, picture in enumerate(each):
            boxes, scores = run(picture)
            if index == 0:
                anchors, classes = scores.shape
                header = {"count": count, "anchors": int(anchors), "classes": int(classes)}
                target.write(json.dumps(header).encode() + b"\n")
            boxes.astype("<f4").tofile(target)
            scores.astype("<f4").tofile(target)
        if count == 0:
            target.write(b'{"count": 0, "anchors": 0, "classes": 0}\n')
    return {"count": count, "anchors": int(anchors), "classes": int(classes)}

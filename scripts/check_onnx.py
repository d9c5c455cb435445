#!/usr/bin/env python3
"""Checks an exported ONNX model, and runs it over a set of pictures, with onnx and onnxruntime.

  check_onnx.py MODEL [--reference FILE]
      onnx.checker's full check, a load in onnxruntime's CPU provider and one run; prints one JSON
      line. With a reference, compares the outputs with those in the file.

  check_onnx.py evaluate MODEL --inputs FILE --outputs FILE
      Runs every picture of a file and writes boxes and scores; prints one JSON line.

  check_onnx.py sites MODEL --inputs FILE --outputs FILE
      Runs every picture of a file through a model whose sites are outputs (edgewise parity --prepare)
      and writes their integers and the heads; prints one JSON line.

Files are one line of JSON, a newline, then raw little-endian numbers:
  reference  {"input": [N, C, H, W], "outputs": [{"name": …, "shape": […], "step": S or null}, …]}
             float32: the input, then the outputs. With a step, differences are counted in steps too.
  inputs     {"count": N, "height": H, "width": W}; uint8 [N, H, W, 3], letterboxed RGB
  outputs    {"count": N, "anchors": A, "classes": C}; per picture float32 boxes [A, 4] in corners,
             then scores [A, C]
  sites      {"count": N, "runtime": …, "sites": [names], "heads": [names]}; per picture int8 [H, W, C] of
             every site, then float32 [H, W, C] of every head

Needs the packages onnx, onnxruntime and numpy. Exit code 0: all is well; 1: a sentence says what is not.
"""

import argparse
import collections
import json
import sys
import tempfile
import time

try:
    import numpy as np
    import onnx
    import onnxruntime

    from model_files import (
        Failure, compare, in_order, read_header, read_numbers, write_outputs, write_sites)
except ImportError as error:
    sys.exit(f"check_onnx.py: {error}; install onnx, onnxruntime and numpy for {sys.executable}")


def open_session(path, optimize, threads, optimized_path=None):
    """An inference session on the CPU, errors only in its log.

    `optimized_path` is where it leaves the graph that it really runs.

    On x86 without VNNI onnxruntime's int8 convolutions add products in 16 bits, which overflow
    silently; the option below makes it use wider ones there. Users of such CPUs need it too.
    """
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    if optimized_path:
        options.optimized_model_filepath = optimized_path
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def concrete(shape):
    """A shape with 1 for every extent that is left open."""
    return [extent if isinstance(extent, int) else 1 for extent in shape]


def check(arguments):
    model = onnx.load(arguments.model)
    onnx.checker.check_model(model, full_check=True)
    optimize = not arguments.disable_optimizations
    with tempfile.TemporaryDirectory() as folder:
        optimized = f"{folder}/optimized.onnx"
        session = open_session(arguments.model, optimize, arguments.threads, optimized)
        run_nodes = onnx.load(optimized).graph.node
    (entry,) = session.get_inputs()
    reference = None
    if arguments.reference:
        with open(arguments.reference, "rb") as file:
            header = read_header(file, arguments.reference, ["input", "outputs"])
            picture = read_numbers(file, arguments.reference, "<f4", header["input"])
            reference = [
                (o["name"], o.get("step"), read_numbers(file, arguments.reference, "<f4", o["shape"]))
                for o in header["outputs"]
            ]
    else:
        shape = concrete(entry.shape)
        # A formula: the same picture everywhere, with every level of brightness in it.
        picture = (np.arange(np.prod(shape)) * 7919 % 256 / 255).astype(np.float32).reshape(shape)
    names = [output.name for output in session.get_outputs()]
    outputs = dict(zip(names, session.run(names, {entry.name: picture})))
    for name, values in outputs.items():
        if not np.isfinite(values).all():
            raise Failure(f"{arguments.model}: output {name} has NaN or infinity")
    report = {
        "model": arguments.model,
        "ok": True,
        "ir_version": model.ir_version,
        "opset": {entry.domain: entry.version for entry in model.opset_import},
        "input": {"name": entry.name, "shape": entry.shape},
        "outputs": {
            name: {
                "shape": list(values.shape),
                "minimum": float(values.min()),
                "maximum": float(values.max()),
            }
            for name, values in outputs.items()
        },
        "nodes": dict(sorted(collections.Counter(n.op_type for n in model.graph.node).items())),
        # What the runtime made of them: QLinear… are integer kernels.
        "run_nodes": dict(sorted(collections.Counter(n.op_type for n in run_nodes).items())),
        "metadata": {entry.key: entry.value for entry in model.metadata_props},
        "onnx": onnx.__version__,
        "onnxruntime": onnxruntime.__version__,
    }
    if reference is not None:
        report["reference"] = {}
        for name, step, wanted in reference:
            if name not in outputs:
                raise Failure(f"{arguments.model}: has no output {name}, only {', '.join(names)}")
            report["reference"][name] = compare(name, outputs[name], wanted, step)
    return report


def evaluate(arguments):
    session = open_session(arguments.model, not arguments.disable_optimizations, arguments.threads)
    (entry,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    if not {"boxes", "scores"} <= set(names):
        raise Failure(f"{arguments.model}: has no outputs boxes and scores, only {', '.join(names)}")
    shape = concrete(entry.shape)
    if shape[:2] != [1, 3]:
        raise Failure(f"{arguments.model}: takes {entry.shape}, expected pictures [1, 3, H, W]")
    seconds = 0.0

    def run(pixels):
        nonlocal seconds
        picture = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]).astype(np.float32)
        picture /= np.float32(255)
        start = time.perf_counter()
        boxes, scores = session.run(["boxes", "scores"], {entry.name: picture})
        seconds += time.perf_counter() - start
        return boxes[0], scores[0]

    counts = write_outputs(arguments.inputs, arguments.outputs, shape[2:], run)
    return {
        "model": arguments.model,
        "ok": True,
        **counts,
        "milliseconds_per_picture": 1000 * seconds / max(counts["count"], 1),
    }


def sites(arguments):
    session = open_session(
        arguments.model, not arguments.disable_optimizations, arguments.threads)
    metadata = session.get_modelmeta().custom_metadata_map
    if "edgewise.sites" not in metadata:
        raise Failure(f"{arguments.model}: has no sites as outputs; edgewise parity --prepare writes one")
    places = json.loads(metadata["edgewise.sites"])
    heads = in_order(o.name for o in session.get_outputs())
    (entry,) = session.get_inputs()
    channels_last = [0, 2, 3, 1]

    def run(pixels):
        image = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]).astype(np.float32)
        image /= np.float32(255)
        names = [place["name"] for place in places] + heads
        got = dict(zip(names, session.run(names, {entry.name: image})))
        points = []
        for place in places:
            values = got[place["name"]]
            if values.ndim == 4:
                values = values.transpose(channels_last)
            # A dequantized value is a whole number of steps but for the last bit.
            steps = np.rint(values / np.float32(place["scale"])) + place["zero_point"]
            points.append(steps.astype(np.int8))
        return points, [got[name].transpose(channels_last) for name in heads]

    runtime = f"onnxruntime {onnxruntime.__version__}"
    if arguments.disable_optimizations:
        runtime += " as written"
    count = write_sites(
        arguments.inputs, arguments.outputs, entry.shape[2:4], runtime,
        [place["name"] for place in places], heads, run)
    return {"model": arguments.model, "ok": True, "runtime": runtime, "count": count}


def main(words):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, action in [("check", check), ("evaluate", evaluate), ("sites", sites)]:
        command = commands.add_parser(name)
        command.set_defaults(action=action)
        command.add_argument("model")
        command.add_argument(
            "--disable-optimizations", action="store_true",
            help="run the graph as it is written, without onnxruntime's fusions")
        command.add_argument(
            "--threads", type=int, default=0, help="threads of onnxruntime; 0: all cores")
        if name == "check":
            command.add_argument("--reference", help="file with an input and the outputs expected")
        else:
            command.add_argument("--inputs", required=True, help="letterboxed pictures")
            command.add_argument("--outputs", required=True, help="file to write the results to")
    if words and words[0] not in ("check", "evaluate", "sites", "-h", "--help"):
        words = ["check", *words]
    arguments = parser.parse_args(words)
    try:
        print(json.dumps(arguments.action(arguments)))
    except Failure as failure:
        sys.exit(f"check_onnx.py: {failure}")
    except OSError as error:
        sys.exit(f"check_onnx.py: {error.filename}: {error.strerror}")
    except Exception as error:  # onnx and onnxruntime raise types of their own
        sys.exit(f"check_onnx.py: {arguments.model}: {' '.join(str(error).split())}")


if __name__ == "__main__":
    main(sys.argv[1:])

#!/usr/bin/env python3
"""Checks an exported TFLite model, and runs it over a set of pictures, with LiteRT.

  check_tflite.py MODEL [--reference FILE] [--dump FILE] [--kernels reference|builtin|xnnpack]
      Loads and runs it; prints one JSON line: tensors in and out, operators with their versions,
      metadata. With a reference, compares the outputs with those in the file; with a dump, writes the
      outputs there, in the file's order.

  check_tflite.py evaluate MODEL --inputs FILE --outputs FILE
      Runs every picture of a file, decodes the heads and writes boxes and scores; prints one JSON line.

  check_tflite.py sites MODEL --inputs FILE --outputs FILE
      Runs every picture of a file through a model whose sites are outputs (edgewise parity --prepare)
      and writes their integers and the heads; prints one JSON line.

Kernels: reference are TFLite's plain loops, builtin its own fast ones, xnnpack those that an interpreter
takes when nothing is asked for.

Files are one line of JSON, a newline, then raw little-endian numbers:
  reference  {"input": [1, H, W, C], "outputs": [{"name": …, "shape": […]}, …]}
             int8: the input, then the outputs. Differences are counted in steps.
  dump       {"names": […]}; int8: the outputs one after another
  inputs, outputs and sites as of check_onnx.py

Needs the packages ai-edge-litert and numpy. Exit code 0: all is well; 1: a sentence says what is not.
"""

import argparse
import collections
import json
import sys
import time

try:
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    from model_files import (
        Failure, compare, in_order, read_header, read_numbers, write_outputs, write_sites)
except ImportError as error:
    sys.exit(f"check_tflite.py: {error}; install ai-edge-litert and numpy for {sys.executable}")

KERNELS = {
    "reference": OpResolverType.BUILTIN_REF,
    "builtin": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "xnnpack": OpResolverType.AUTO,
}
OPERATORS = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}
TYPES = {code: name for name, code in vars(schema.TensorType).items() if name.isupper()}


def open_model(arguments):
    """The interpreter with its tensors made, and the file as objects."""
    with open(arguments.model, "rb") as file:
        content = file.read()
    if content[4:8] != b"TFL3":
        raise Failure(f"{arguments.model}: is no TFLite model")
    interpreter = Interpreter(
        model_content=content, num_threads=arguments.threads or None,
        experimental_op_resolver_type=KERNELS[arguments.kernels])
    interpreter.allocate_tensors()
    return interpreter, schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))


def grid(detail):
    scale, zero = detail["quantization"]
    return float(scale), int(zero)


def metadata(model):
    """What the entry `edgewise` says."""
    for entry in model.metadata or []:
        if entry.name == b"edgewise":
            return json.loads(bytes(model.buffers[entry.buffer].data))
    return {}


def check(arguments):
    interpreter, model = open_model(arguments)
    runner = interpreter.get_signature_runner()
    (name,) = runner.get_input_details()
    entry = runner.get_input_details()[name]
    outputs = runner.get_output_details()
    if any(d["dtype"] != np.int8 for d in [entry, *outputs.values()]):
        raise Failure(f"{arguments.model}: has inputs or outputs that are not int8")
    reference = None
    if arguments.reference:
        with open(arguments.reference, "rb") as file:
            header = read_header(file, arguments.reference, ["input", "outputs"])
            picture = read_numbers(file, arguments.reference, "i1", header["input"])
            reference = [
                (o["name"], read_numbers(file, arguments.reference, "i1", o["shape"]))
                for o in header["outputs"]
            ]
    else:
        shape = entry["shape"]
        picture = (np.arange(np.prod(shape)) * 7919 % 256 - 128).astype(np.int8).reshape(shape)
    got = runner(**{name: picture})
    if arguments.dump:
        names = [entry.name.decode() for entry in model.signatureDefs[0].outputs]
        with open(arguments.dump, "wb") as file:
            file.write(json.dumps({"names": names}).encode() + b"\n")
            for key in names:
                got[key].tofile(file)
    graph = model.subgraphs[0]
    codes = model.operatorCodes
    used = collections.Counter(OPERATORS[codes[o.opcodeIndex].builtinCode] for o in graph.operators)
    report = {
        "model": arguments.model,
        "ok": True,
        "kernels": arguments.kernels,
        "input": {"name": name, "shape": entry["shape"].tolist(), "grid": grid(entry)},
        "outputs": {
            key: {"shape": d["shape"].tolist(), "grid": grid(d)} for key, d in outputs.items()
        },
        "operators": dict(sorted(used.items())),
        "versions": {OPERATORS[c.builtinCode]: c.version for c in codes},
        "types": dict(sorted(collections.Counter(TYPES[t.type] for t in graph.tensors).items())),
        "metadata": metadata(model),
    }
    if reference is not None:
        report["reference"] = {}
        for key, wanted in reference:
            if key not in got:
                raise Failure(f"{arguments.model}: has no output {key}, only {', '.join(got)}")
            report["reference"][key] = compare(key, got[key], wanted, 1)
    return report


def decode(outputs):
    """Boxes [A, 4], corners in pixels of the input, and scores [A, classes], from dequantized heads."""
    boxes, scores = [], []
    for stride in sorted(int(key[len("boxes.stride"):]) for key in outputs if "boxes" in key):
        logits = outputs[f"boxes.stride{stride}"][0]
        height, width, channels = logits.shape
        logits = logits.reshape(height * width, 4, channels // 4)
        powers = np.exp(logits - logits.max(axis=2, keepdims=True))
        cells = np.arange(channels // 4, dtype=np.float32)
        distances = (powers * cells).sum(axis=2) / powers.sum(axis=2)
        row, column = np.divmod(np.arange(height * width), width)
        centers = np.stack([column, row, column, row], axis=1) + 0.5
        boxes.append((centers + distances * np.array([-1, -1, 1, 1])) * stride)
        classes = outputs[f"classes.stride{stride}"][0]
        scores.append(1 / (1 + np.exp(-classes.reshape(height * width, -1))))
    return np.concatenate(boxes), np.concatenate(scores)


def input_levels(entry):
    """The byte of every brightness 0 ... 255 on the input's grid."""
    scale, zero = grid(entry)
    levels = np.rint(np.arange(256, dtype=np.float32) / np.float32(255) / np.float32(scale)) + zero
    return np.clip(levels, -128, 127).astype(np.int8)


def real_numbers(values, detail):
    scale, zero = grid(detail)
    return (values.astype(np.float32) - zero) * np.float32(scale)


def sites(arguments):
    interpreter, model = open_model(arguments)
    runner = interpreter.get_signature_runner()
    (name,) = runner.get_input_details()
    entry = runner.get_input_details()[name]
    details = runner.get_output_details()
    entries = metadata(model)
    if "sites" not in entries:
        raise Failure(f"{arguments.model}: has no sites as outputs; edgewise parity --prepare writes one")
    names = [place["name"] for place in json.loads(entries["sites"])]
    heads = in_order(o.name.decode() for o in model.signatureDefs[0].outputs)
    levels = input_levels(entry)

    def run(pixels):
        picture = levels[pixels][None]
        got = runner(**{name: picture})
        # The input's own site is no output of an operator.
        points = [got[key] if key in got else picture for key in names]
        return points, [real_numbers(got[key], details[key]) for key in heads]

    runtime = f"LiteRT ({arguments.kernels})"
    count = write_sites(
        arguments.inputs, arguments.outputs, entry["shape"][1:3], runtime, names, heads, run)
    return {"model": arguments.model, "ok": True, "runtime": runtime, "count": count}


def evaluate(arguments):
    interpreter, _ = open_model(arguments)
    runner = interpreter.get_signature_runner()
    (name,) = runner.get_input_details()
    entry = runner.get_input_details()[name]
    details = runner.get_output_details()
    if not any(key.startswith("boxes.stride") for key in details):
        raise Failure(f"{arguments.model}: has no outputs of a detector, only {', '.join(details)}")
    levels = input_levels(entry)
    seconds = 0.0

    def run(pixels):
        nonlocal seconds
        start = time.perf_counter()
        got = runner(**{name: levels[pixels][None]})
        seconds += time.perf_counter() - start
        return decode({key: real_numbers(values, details[key]) for key, values in got.items()})

    counts = write_outputs(arguments.inputs, arguments.outputs, entry["shape"][1:3], run)
    return {
        "model": arguments.model,
        "ok": True,
        "kernels": arguments.kernels,
        **counts,
        "milliseconds_per_picture": 1000 * seconds / max(counts["count"], 1),
    }


def main(words):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, action in [("check", check), ("evaluate", evaluate), ("sites", sites)]:
        command = commands.add_parser(name)
        command.set_defaults(action=action)
        command.add_argument("model")
        command.add_argument("--kernels", choices=sorted(KERNELS), default="xnnpack")
        command.add_argument("--threads", type=int, default=0, help="0: the runtime's choice")
        if name == "check":
            command.add_argument("--reference", help="file with an input and the outputs expected")
            command.add_argument("--dump", help="file to write the outputs to")
        else:
            command.add_argument("--inputs", required=True, help="letterboxed pictures")
            command.add_argument("--outputs", required=True, help="file to write the results to")
    if words and words[0] not in ("check", "evaluate", "sites", "-h", "--help"):
        words = ["check", *words]
    arguments = parser.parse_args(words)
    try:
        print(json.dumps(arguments.action(arguments)))
    except Failure as failure:
        sys.exit(f"check_tflite.py: {failure}")
    except OSError as error:
        sys.exit(f"check_tflite.py: {error.filename}: {error.strerror}")
    except Exception as error:  # LiteRT raises types of its own
        sys.exit(f"check_tflite.py: {arguments.model}: {' '.join(str(error).split())}")


if __name__ == "__main__":
    main(sys.argv[1:])

#!/usr/bin/env python3
"""Times one picture of an exported ONNX model in another runtime, on one thread.

    infer_onnx.py onnxruntime float MODEL.onnx
    infer_onnx.py openvino int8 MODEL.onnx

Prints one line of JSON with the keys of `edgewise bench infer --json` and "peer", or, where the
runtime is not installed, one sentence on standard error, and ends well either way.
"""
import argparse
import json
import resource
import sys
import time

import importlib.util


def skip(reason):
    print(f"skipped: {reason}", file=sys.stderr)
    sys.exit(0)


def with_onnxruntime(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Symmetric activations are s8 in the file; without this the runtime computes them in float.
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    shape = [1 if not isinstance(extent, int) else extent for extent in entry.shape]
    return f"onnxruntime {onnxruntime.__version__}", shape, lambda x: session.run(None, {entry.name: x})


def with_openvino(path):
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    shape = [extent.get_length() if extent.is_static else 1 for extent in model.inputs[0].partial_shape]
    model.reshape(shape)
    compiled = core.compile_model(
        model, "CPU",
        {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
         "INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    version = openvino.__version__.split("-")[0]
    return f"OpenVINO {version}", shape, lambda x: request.infer([x])


def main():
    runtimes = {"onnxruntime": with_onnxruntime, "openvino": with_openvino}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runtime", choices=runtimes)
    parser.add_argument("mode", choices=["float", "int8"])
    parser.add_argument("model")
    parser.add_argument("--name", default="yolov8n", help="the network's name, for the JSON line")
    parser.add_argument("--count", type=int, default=100)
    arguments = parser.parse_args()
    for module in ["numpy", arguments.runtime]:
        if importlib.util.find_spec(module) is None:
            skip(f"the Python package {module} is not installed")
    import numpy

    peer, shape, infer = runtimes[arguments.runtime](arguments.model)
    picture = numpy.random.default_rng(1).random(shape, dtype=numpy.float32)
    for _ in range(max(3, arguments.count // 10)):
        infer(picture)
    seconds = []
    for _ in range(arguments.count):
        start = time.perf_counter()
        infer(picture)
        seconds.append(time.perf_counter() - start)
    seconds.sort()
    print(json.dumps({
        "bench": "infer", "peer": peer, "model": arguments.name, "mode": arguments.mode, "size": shape[2],
        "batch": shape[0], "threads": 1, "median_ms": round(1000 * seconds[len(seconds) // 2], 4),
        "min_ms": round(1000 * seconds[0], 4),
        "peak_MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


if __name__ == "__main__":
    main()

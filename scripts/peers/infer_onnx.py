#!/usr/bin/env python3
"""Times one image of an exported ONNX model in another runtime, on one thread, if it computes it rightly.

    infer_onnx.py onnxruntime float MODEL.onnx --run RUN
    infer_onnx.py openvino int8 MODEL.onnx --run RUN
    infer_onnx.py openvino float MODEL.onnx --run RUN --as-it-comes

int8 files are those of `edgewise export RUN --target onnxruntime`: uint8 values with a zero point of 128.
Of the int8 values that the other targets' files hold, onnxruntime computes a convolution with SiLU in
float (its option `session.qdqisint8allowed` does not change that), and OpenVINO 2026.4 computes
convolutions behind a concatenation wrongly.

Before anything is timed, the runtime detects on the validation images of RUN, and its mAP50-95 must be
that of edgewise in the same form, to 0.02. A runtime that fails this gets no figure: exit code 1.

OpenVINO computes in the precision of `INFERENCE_PRECISION_HINT` f32; with --as-it-comes it chooses for
itself (bf16 where the processor has it). The precision is part of the name that is printed.

Prints one line of JSON with the keys of `edgewise bench infer --json` and "peer", or, where the
runtime is not installed, one sentence on standard error, and ends well.
"""
import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts"))

# Roundings move the score of a few dozen images by less; what is computed wrongly costs far more.
TOLERANCE = 0.02
# Below it, a model that finds nothing would pass for a right one.
LEAST_SCORE = 0.1


def skip(reason):
    print(f"skipped: {reason}", file=sys.stderr)
    sys.exit(0)


def refuse(reason):
    sys.exit(f"infer_onnx.py: not timed: {reason}")


def with_onnxruntime(path, as_it_comes):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # On x86 without VNNI its int8 kernels add in 16 bits, which overflow, unless it asks for these.
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    shape = [1 if not isinstance(extent, int) else extent for extent in entry.shape]
    return f"onnxruntime {onnxruntime.__version__}", shape, lambda x: session.run(
        ["boxes", "scores"], {entry.name: x})


def with_openvino(path, as_it_comes):
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    shape = [extent.get_length() if extent.is_static else 1 for extent in model.inputs[0].partial_shape]
    model.reshape(shape)
    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    if not as_it_comes:
        settings["INFERENCE_PRECISION_HINT"] = "f32"
    compiled = core.compile_model(model, "CPU", settings)
    request = compiled.create_infer_request()
    precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    version = openvino.__version__.split("-")[0]

    def infer(x):
        found = request.infer([x])
        return [found["boxes"], found["scores"]]

    chosen = "as it comes, " if as_it_comes else ""
    return f"OpenVINO {version} ({chosen}{precision})", shape, infer


def score(program, run, *arguments):
    done = subprocess.run(
        [program, "evaluate", run, "--json", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        refuse(f"edgewise evaluate {run} failed: {done.stderr.strip()}")
    return json.loads(done.stdout)["mAP50-95"]


def check(program, run, mode, shape, infer):
    """Ends here if the runtime does not find what edgewise finds."""
    import numpy
    from model_files import write_outputs

    def detect(pixels):
        image = numpy.ascontiguousarray(pixels.transpose(2, 0, 1)[None]).astype(numpy.float32)
        image /= numpy.float32(255)
        boxes, scores = infer(image)
        return boxes[0], scores[0]

    with tempfile.TemporaryDirectory() as folder:
        inputs, outputs = os.path.join(folder, "inputs"), os.path.join(folder, "outputs")
        done = subprocess.run(
            [program, "evaluate", run, "--dump-inputs", inputs], capture_output=True, text=True)
        if done.returncode != 0:
            refuse(f"edgewise evaluate {run} failed: {done.stderr.strip()}")
        write_outputs(inputs, outputs, shape[2:], detect)
        theirs = score(program, run, "--onnx-outputs", outputs)
    ours = score(program, run, "--as", mode)
    if ours < LEAST_SCORE:
        refuse(f"{run} has a mAP50-95 of {ours:.3f}, too low to tell right outputs from wrong ones; "
               "give a run that is trained")
    if abs(theirs - ours) > TOLERANCE:
        refuse(f"its mAP50-95 on the images of {run} is {theirs:.3f}, that of edgewise {ours:.3f}")
    return ours, theirs


def main():
    runtimes = {"onnxruntime": with_onnxruntime, "openvino": with_openvino}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runtime", choices=runtimes)
    parser.add_argument("mode", choices=["float", "int8"])
    parser.add_argument("model")
    parser.add_argument("--run", required=True, help="the run or checkpoint that the model is from")
    parser.add_argument("--edgewise", default=os.path.join(ROOT, ".build", "release", "edgewise"))
    parser.add_argument("--as-it-comes", action="store_true", help="without the hint f32 (OpenVINO)")
    parser.add_argument("--name", default="yolov8n", help="the network's name, for the JSON line")
    parser.add_argument("--count", type=int, default=100)
    arguments = parser.parse_args()
    for module in ["numpy", arguments.runtime]:
        if importlib.util.find_spec(module) is None:
            skip(f"the Python package {module} is not installed")
    import numpy

    peer, shape, infer = runtimes[arguments.runtime](arguments.model, arguments.as_it_comes)
    ours, theirs = check(arguments.edgewise, arguments.run, arguments.mode, shape, infer)
    image = numpy.random.default_rng(1).random(shape, dtype=numpy.float32)
    for _ in range(max(3, arguments.count // 10)):
        infer(image)
    seconds = []
    for _ in range(arguments.count):
        start = time.perf_counter()
        infer(image)
        seconds.append(time.perf_counter() - start)
    seconds.sort()
    print(json.dumps({
        "bench": "infer", "peer": peer, "model": arguments.name, "mode": arguments.mode, "size": shape[2],
        "batch": shape[0], "threads": 1, "median_ms": round(1000 * seconds[len(seconds) // 2], 4),
        "min_ms": round(1000 * seconds[0], 4), "mAP": round(theirs, 4), "mAP_own": round(ours, 4),
        "peak_MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


if __name__ == "__main__":
    main()

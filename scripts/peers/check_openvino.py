#!/usr/bin/env python3
"""Which quantized convolutions OpenVINO computes rightly on this processor.

Small models of one convolution, with int8 values (zero point 0) or uint8 (zero point 128), behind a
Concat or not, with weights up to 127 or 63; each held against onnxruntime without its optimizations,
which computes the file as it is written. Prints the error of each in parts of the output.

Seen with 2026.4.1 on x86 without VNNI: int8 behind a Concat is wrong with any weights. Weights up to 127 are
wrong too, for pairs of products are added in 16 bits there and overflow; with weights up to 63 they cannot.
Needs openvino, onnxruntime, onnx and numpy.
"""
import numpy
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper

CHANNELS = 32


def model(kind, zero_point, largest, is_joined):
    integer = numpy.uint8 if kind == "uint8" else numpy.int8
    inputs = 2 * CHANNELS if is_joined else CHANNELS
    weights = numpy.random.default_rng(0).integers(
        -largest, largest + 1, (CHANNELS, inputs, 3, 3)).astype(numpy.int8)
    constants = {
        "scale": numpy.float32(1 / 64), "zero": numpy.array(zero_point, integer), "integers": weights,
        "scales": numpy.full(CHANNELS, 0.01, numpy.float32), "zeros": numpy.zeros(CHANNELS, numpy.int8),
    }
    nodes = []

    def quantized(value):
        grid = ["scale", "zero"]
        nodes.append(helper.make_node("QuantizeLinear", [value, *grid], [value + "_q"]))
        nodes.append(helper.make_node("DequantizeLinear", [value + "_q", *grid], [value + "_d"]))
        return value + "_d"

    value = quantized("x")
    if is_joined:
        nodes.append(helper.make_node("Neg", [value], ["negative"]))
        nodes.append(helper.make_node("Concat", [value, quantized("negative")], ["joined"], axis=1))
        value = quantized("joined")
    nodes.append(helper.make_node("DequantizeLinear", ["integers", "scales", "zeros"], ["w"], axis=0))
    nodes.append(helper.make_node("Conv", [value, "w"], ["y"], pads=[1, 1, 1, 1]))
    shape = [1, CHANNELS, 16, 16]
    graph = helper.make_graph(
        nodes, "one", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()])
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    result.ir_version = 8
    return result.SerializeToString()


def main():
    x = numpy.random.default_rng(1).uniform(-2, 2, (1, CHANNELS, 16, 16)).astype(numpy.float32)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    core = openvino.Core()
    print(f"OpenVINO {openvino.__version__}, onnxruntime {onnxruntime.__version__}, onnx {onnx.__version__}")
    for is_joined in [False, True]:
        for kind, zero_point in [("int8", 0), ("uint8", 128)]:
            for largest in [127, 63]:
                content = model(kind, zero_point, largest, is_joined)
                wanted = onnxruntime.InferenceSession(
                    content, options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
                compiled = core.compile_model(
                    core.read_model(content), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
                error = numpy.linalg.norm(compiled([x])[0] - wanted) / numpy.linalg.norm(wanted)
                place = "behind Concat" if is_joined else "alone"
                print(f"{kind:5} {place:13} weights up to {largest:3}: error {error:.1e}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes the small weight files of Tests/WeightFilesTests/Fixtures.

    .venv/bin/python scripts/goldens/weight_files.py Tests/WeightFilesTests/Fixtures

Needs numpy, onnx, onnxruntime and ai-edge-litert (scripts/requirements.txt); not PyTorch: the pickles name its
classes by stand-ins of the same names. Element i of tensor k is ((5 i + 3 k) mod 17 - 8) / 8, which every
float format holds exactly, so the tests know the numbers without this script.
"""
import io
import json
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)


def numbers(k, shape):
    i = np.arange(int(np.prod(shape, dtype=np.int64)))
    return (((5 * i + 3 * k) % 17 - 8) / 8).astype(np.float32).reshape(shape)


# --- PyTorch ---------------------------------------------------------------------------------------


def stand_in(module, name, base=object):
    """A class that pickles under the name of one of PyTorch's or Ultralytics'."""
    if module not in sys.modules:
        sys.modules[module] = types.ModuleType(module)
    if hasattr(sys.modules[module], name):
        return getattr(sys.modules[module], name)
    made = type(name, (base,), {"__module__": module})
    setattr(sys.modules[module], name, made)
    return made


def function(module, name):
    """A function that pickles by its name."""
    if module not in sys.modules:
        sys.modules[module] = types.ModuleType(module)

    def made(*_):
        return None

    made.__module__, made.__qualname__, made.__name__ = module, name, name
    setattr(sys.modules[module], name, made)
    return made


for module in ["torch", "torch.nn", "torch.nn.modules", "ultralytics", "ultralytics.nn"]:
    sys.modules.setdefault(module, types.ModuleType(module))
storage_types = {
    name: stand_in("torch", name)
    for name in ["HalfStorage", "FloatStorage", "BFloat16Storage", "LongStorage", "DoubleStorage"]
}
rebuild_tensor = function("torch._utils", "_rebuild_tensor_v2")
rebuild_parameter = function("torch._utils", "_rebuild_parameter")
Sequential = stand_in("torch.nn.modules.container", "Sequential")
Conv2d = stand_in("torch.nn.modules.conv", "Conv2d")
BatchNorm2d = stand_in("torch.nn.modules.batchnorm", "BatchNorm2d")


class Storage:
    def __init__(self, kind, data):
        self.kind, self.data, self.key = kind, data, None
        size = {"HalfStorage": 2, "BFloat16Storage": 2, "FloatStorage": 4}.get(kind, 8)
        self.count = len(data) // size


class View:
    """A tensor that pickles as PyTorch's do."""

    def __init__(self, storage, offset, shape, strides, is_parameter):
        self.parts = (storage, offset, tuple(shape), tuple(strides), False, OrderedDict())
        self.is_parameter = is_parameter


class Call:
    """Pickles as a call of a function."""

    def __init__(self, callee, *arguments):
        self.callee, self.arguments = callee, arguments

    def __reduce__(self):
        return self.callee, self.arguments


def tensor(k, shape, kind="HalfStorage", is_parameter=True):
    dtype = {
        "HalfStorage": np.float16,
        "BFloat16Storage": ml_dtypes.bfloat16,
        "FloatStorage": np.float32,
        "DoubleStorage": np.float64,
        "LongStorage": np.int64,
    }[kind]
    data = numbers(k, shape) if kind != "LongStorage" else np.full(shape, k)
    strides = [int(np.prod(shape[axis + 1 :], dtype=np.int64)) for axis in range(len(shape))]
    return View(Storage(kind, data.astype(dtype).tobytes()), 0, shape, strides, is_parameter)


class TorchPickler(pickle.Pickler):
    def __init__(self, file, storages):
        super().__init__(file, protocol=2)
        self.storages = storages

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        if value.key is None:
            value.key = str(len(self.storages))
            self.storages.append(value)
        return ("storage", storage_types[value.kind], value.key, "cpu", value.count)

    def reducer_override(self, value):
        if not isinstance(value, View):
            return NotImplemented
        made = Call(rebuild_tensor, *value.parts)
        return (rebuild_parameter, (made, True, OrderedDict())) if value.is_parameter else (
            rebuild_tensor,
            value.parts,
        )


def module(made, parameters=None, buffers=None, modules=None, unsaved=(), **attributes):
    result = made()
    result.__dict__.update(
        training=False,
        _parameters=OrderedDict(parameters or {}),
        _buffers=OrderedDict(buffers or {}),
        _non_persistent_buffers_set=set(unsaved),
        _modules=OrderedDict(modules or {}),
        **attributes,
    )
    return result


def network(k, path="ultralytics.nn.modules.{}"):
    """A network with the layers of YOLOv8n's kind: Conv, C2f, Detect; tensors from number k on."""
    Conv = stand_in(path.format("conv").rstrip("."), "Conv")
    C2f = stand_in(path.format("block").rstrip("."), "C2f")
    Detect = stand_in(path.format("head").rstrip("."), "Detect")
    DetectionModel = stand_in("ultralytics.nn.tasks", "DetectionModel")
    # One storage for two tensors, one of them with its axes exchanged and an offset.
    shared = Storage("HalfStorage", numbers(k, (40,)).astype(np.float16).tobytes())
    convolution = module(
        Conv2d,
        {"weight": View(shared, 0, (16, 2, 1, 1), (1, 16, 1, 1), True), "bias": None},
        stride=(2, 2),
    )
    norm = module(
        BatchNorm2d,
        {"weight": View(shared, 32, (4,), (2,), True), "bias": tensor(k + 1, (4,), "FloatStorage")},
        {
            "running_mean": tensor(k + 2, (4,), "BFloat16Storage", False),
            "running_var": tensor(k + 3, (4,), "DoubleStorage", False),
            "num_batches_tracked": tensor(k + 4, (), "LongStorage", False),
        },
        eps=0.001,
    )
    layers = {
        "0": module(Conv, modules={"conv": convolution, "bn": norm, "act": None}),
        "1": module(C2f, {"scale": tensor(k + 5, (2, 3))}),
        "2": module(
            Detect,
            {"last": tensor(k + 6, (3, 2))},
            {"grid": tensor(k + 7, (5,), "HalfStorage", False)},
            unsaved=["grid"],
            nc=2,
            stride=View(
                Storage("HalfStorage", np.array([8, 16, 32], np.float16).tobytes()), 0, (3,), (1,),
                False,
            ),
        ),
    }
    return module(
        DetectionModel,
        modules={"model": module(Sequential, modules=layers)},
        yaml={"nc": 2, "scale": "n", "yaml_file": "yolov8n.yaml"},
        names={0: "person", 1: "car"},
        task="detect",
        stride=View(
            Storage("FloatStorage", np.array([8, 16, 32], np.float32).tobytes()), 0, (3,), (1,), False
        ),
    )


def archive(name, content, compression=zipfile.ZIP_STORED, zip64=False, extra=()):
    storages, data = [], io.BytesIO()
    TorchPickler(data, storages).dump(content)
    entries = [("data.pkl", data.getvalue()), ("byteorder", b"little")]
    entries += [(f"data/{storage.key}", storage.data) for storage in storages]
    entries += [("version", b"3\n"), *extra]
    with zipfile.ZipFile(folder / name, "w", compression) as file:
        for entry, content in entries:
            info = zipfile.ZipInfo(f"archive/{entry}")
            info.compress_type = compression
            with file.open(info, "w", force_zip64=zip64) as stream:
                stream.write(content)
    if zip64:
        widen(folder / name)


def widen(path):
    """Rewrites the end of the directory in its 64-bit form."""
    data = path.read_bytes()
    end = data.rindex(b"PK\5\6")
    count, size, start = struct.unpack("<HII", data[end + 10 : end + 20])
    record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
    last = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(data[:end] + record + locator + last)


def checkpoint(**parts):
    return {
        "epoch": -1,
        "version": "8.4.190",
        "model": None,
        "ema": None,
        "train_args": {"imgsz": 320, "task": "detect"},
        **parts,
    }


def state():
    return OrderedDict(
        [("model.0.conv.weight", tensor(1, (4, 3))), ("model.0.conv.bias", tensor(2, (4,)))]
    )


archive("model.pt", checkpoint(model=network(1)))
archive("ema.pt", checkpoint(model=network(1), ema=network(20), epoch=7), zipfile.ZIP_DEFLATED)
archive("zip64.pt", checkpoint(model=network(1, "ultralytics.nn.modules")), zip64=True)
archive("whole-module.pt", network(1))
archive("state-dict.pt", state())
archive("state-dict-in-model.pt", {"model": state(), "epoch": 3})
archive("torchscript.pt", {"a": 1}, extra=[("constants.pkl", b"\x80\x02)."), ("code/a.py", b"")])
archive("other.pt", {"epoch": 1, "loss": [0.5, 0.25]})
archive("program.pt", checkpoint(model=network(1), hook=Call(function("posix", "system"), "true")))
archive("names.pt", {"../../etc/passwd": tensor(1, (2, 2)), "/tmp/x": tensor(2, (2, 2))})
(folder / "legacy.pt").write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2))

# --- safetensors -----------------------------------------------------------------------------------

formats = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E5M2": ml_dtypes.float8_e5m2,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
header, data = {"__metadata__": {"names": "{0: 'person', 1: 'car'}"}}, b""
for k, (name, dtype) in enumerate(formats.items()):
    values = numbers(k, (2, 3)) * (1 if "F" in name else 8)
    part = (values > 0 if name == "BOOL" else np.abs(values) if name == "U8" else values).astype(dtype)
    part = part.tobytes()
    header[f"of.{name}"] = {
        "dtype": name,
        "shape": [2, 3],
        "data_offsets": [len(data), len(data) + len(part)],
    }
    data += part
text = json.dumps(header).encode()
(folder / "types.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)

# --- NumPy -----------------------------------------------------------------------------------------

arrays = {
    "plain": numbers(1, (2, 3)),
    "half": numbers(2, (4,)).astype(np.float16),
    "fortran": np.asfortranarray(numbers(3, (2, 3, 4))),
    "big": numbers(4, (5,)).astype(">f4"),
    "whole": np.arange(4, dtype=np.int8),
    "text": np.array(["a", "b"]),
}
np.savez(folder / "stored.npz", **arrays)
np.savez_compressed(folder / "deflated.npz", **arrays)
np.savez(folder / "objects.npz", a=np.array([{}, None], dtype=object))
with zipfile.ZipFile(folder / "versions.npz", "w") as file:
    for version in [(1, 0), (2, 0), (3, 0)]:
        stream = io.BytesIO()
        np.lib.format.write_array(stream, numbers(version[0], (2, 2)), version=version)
        file.writestr(zipfile.ZipInfo(f"v{version[0]}.npy"), stream.getvalue())

# --- ONNX ------------------------------------------------------------------------------------------

shapes = {"stem": (4, 3, 3, 3), "deep": (4, 1, 3, 3), "side": (6, 4, 1, 1), "last": (2, 10, 1, 1)}
size = 8


def onnx_nodes(weight=lambda name: f"{name}.weight", bias=lambda name: f"{name}.bias"):
    """stem → (deep, a depthwise one; side) → both joined → last."""
    node = helper.make_node
    return [
        node("Conv", ["x", weight("stem"), bias("stem")], ["a"], "stem", strides=[2, 2], pads=[1] * 4),
        node("Relu", ["a"], ["b"]),
        node("Conv", ["b", weight("deep"), bias("deep")], ["c"], "deep", group=4, pads=[1] * 4),
        node("Conv", ["b", weight("side"), bias("side")], ["d"], "side"),
        node("Concat", ["c", "d"], ["e"], axis=1),
        node("Conv", ["e", weight("last"), bias("last")], ["y"], "last"),
    ]


def weights(name=lambda n: n, dtype=np.float32):
    return [
        numpy_helper.from_array(numbers(k, shape).astype(dtype), name(f"{key}.{part}"))
        for k, (key, whole) in enumerate(shapes.items())
        for part, shape in [("weight", whole), ("bias", whole[:1])]
    ]


def save(name, nodes, initializers, inputs=(), metadata=(), **options):
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [info("x", TensorProto.FLOAT, [1, 3, size, size]), *inputs],
        [info("y", TensorProto.FLOAT, [1, 2, size // 2, size // 2])],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="fixtures")
    model.ir_version = 8
    for key, value in metadata:
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, folder / name, **options)


ultralytics = [
    ("description", "Ultralytics YOLOv8n model trained on coco.yaml"),
    ("task", "detect"),
    ("stride", "32"),
    ("imgsz", "[320, 320]"),
    ("names", "{0: 'person', 1: 'traffic \\'light\\''}"),
    ("version", "8.4.190"),
]
save("float.onnx", onnx_nodes(), weights(), metadata=ultralytics)
numbered = {key: 100 + 2 * index for index, key in enumerate(shapes)}
save(
    "nameless.onnx", onnx_nodes(lambda n: str(numbered[n]), lambda n: str(numbered[n] + 1)),
    [
        numpy_helper.from_array(numpy_helper.to_array(tensor), str(100 + index))
        for index, tensor in enumerate(weights())
    ],
)
typed = [
    helper.make_tensor(t.name, TensorProto.FLOAT, t.dims, numpy_helper.to_array(t).ravel().tolist())
    for t in weights()
]
constants = [helper.make_node("Constant", [], [t.name], value=t) for t in typed]
save("constants.onnx", [*constants, *onnx_nodes()], [])
halves = [
    helper.make_node("Cast", [f"{t.name}.half"], [t.name], to=TensorProto.FLOAT) for t in weights()
]
save("float16.onnx", [*halves, *onnx_nodes()], weights(lambda n: f"{n}.half", np.float16))
# Biases in additions of their own behind the convolutions, as onnxruntime's preparation leaves them.
nodes, extra = [], []
for node in onnx_nodes():
    if node.op_type != "Conv":
        nodes.append(node)
        continue
    made = node.output[0]
    nodes += [
        helper.make_node("Reshape", [f"{node.name}.bias", "shape"], [f"{node.name}.reshaped"]),
        helper.make_node(
            "Conv", node.input[:2], [f"{made}.sum"], node.name,
            **{a.name: helper.get_attribute_value(a) for a in node.attribute},
        ),
        helper.make_node("Add", [f"{made}.sum", f"{node.name}.reshaped"], [made]),
    ]
shape = numpy_helper.from_array(np.array([1, -1, 1, 1]), "shape")
save("added-bias.onnx", nodes, [*weights(), shape])
save("external.onnx", onnx_nodes(), weights(), save_as_external_data=True, location="external.bin", size_threshold=0)
(folder / "external.bin").unlink()
save(
    "weights-are-inputs.onnx", onnx_nodes(), weights()[1:],
    [helper.make_tensor_value_info("stem.weight", TensorProto.FLOAT, shapes["stem"])],
)

from onnxruntime import quantization  # noqa: E402


class Images(quantization.CalibrationDataReader):
    def __init__(self):
        self.left = [{"x": numbers(k, (1, 3, size, size))} for k in range(4)]

    def get_next(self):
        return self.left.pop() if self.left else None


def static(name, form, per_channel, activations=quantization.QuantType.QUInt8):
    quantization.quantize_static(
        str(folder / "float.onnx"), str(folder / name), Images(), quant_format=form,
        per_channel=per_channel, activation_type=activations,
        weight_type=quantization.QuantType.QInt8,
    )


static("qdq.onnx", quantization.QuantFormat.QDQ, True)
static("qdq-per-tensor.onnx", quantization.QuantFormat.QDQ, False)
static("qlinear.onnx", quantization.QuantFormat.QOperator, False)
static("qlinear-per-channel.onnx", quantization.QuantFormat.QOperator, True)
quantization.quantize_dynamic(
    str(folder / "float.onnx"), str(folder / "dynamic.onnx"), weight_type=quantization.QuantType.QUInt8
)

# --- TFLite ----------------------------------------------------------------------------------------

import flatbuffers  # noqa: E402
from ai_edge_litert import schema_py_generated as schema  # noqa: E402


class Lite:
    """The same network, channels last."""

    def __init__(self):
        self.buffers, self.tensors, self.operators, self.codes = [schema.BufferT()], [], [], []
        self.buffers[0].data = None

    def tensor(self, name, shape, kind, data=None, scales=None, zeros=None, axis=0):
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = name, list(shape), kind, 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            made.buffer = len(self.buffers)
            self.buffers.append(buffer)
        if scales is not None:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = np.array(scales, np.float32)
            made.quantization.zeroPoint = np.array(zeros or [0] * len(scales), np.int64)
            made.quantization.quantizedDimension = axis
        self.tensors.append(made)
        return len(self.tensors) - 1

    def operator(self, code, inputs, outputs, options_type=0, options=None):
        if code not in self.codes:
            self.codes.append(code)
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = self.codes.index(code), inputs, outputs
        made.builtinOptionsType, made.builtinOptions = options_type, options
        self.operators.append(made)

    def save(self, name, inputs, outputs):
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs, graph.outputs, graph.name = inputs, outputs, "main"
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers, model.description = 3, [graph], self.buffers, "fixtures"
        model.operatorCodes = []
        for code in self.codes:
            made = schema.OperatorCodeT()
            made.builtinCode = made.deprecatedBuiltinCode = code
            made.version = 1
            model.operatorCodes.append(made)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        (folder / name).write_bytes(bytes(builder.Output()))


def lite(name, form):
    file, T, B = Lite(), schema.TensorType, schema.BuiltinOperator
    is_int = form == "int8"
    kind = T.INT8 if is_int else T.FLOAT32
    steps = {"scales": [0.5], "zeros": [3]} if is_int else {}
    half = size // 2
    value = {
        key: file.tensor(key, shape, kind, **steps)
        for key, shape in {
            "x": (1, size, size, 3), "a": (1, half, half, 4), "c": (1, half, half, 4),
            "d": (1, half, half, 6), "e": (1, half, half, 10), "y": (1, half, half, 2),
        }.items()
    }

    def constant(label, array, axis):
        if form == "float16":
            stored = file.tensor(f"{label}.half", array.shape, T.FLOAT16, array.astype(np.float16))
            made = file.tensor(label, array.shape, T.FLOAT32)
            file.operator(B.DEQUANTIZE, [stored], [made])
            return made
        if form == "float32":
            return file.tensor(label, array.shape, T.FLOAT32, array)
        count = array.shape[axis]
        scales = [2.0 ** -(3 + channel % 2) for channel in range(count)]
        view = [1] * array.ndim
        view[axis] = count
        whole = array / np.array(scales, np.float32).reshape(view)
        return file.tensor(label, array.shape, T.INT8, whole.astype(np.int8), scales, axis=axis)

    def bias(label, array, scales):
        if form != "int8":
            return constant(label, array, 0)
        # In units of input times weight, and no quantization parameters of its own.
        whole = array / (0.5 * np.array(scales, np.float32))
        return file.tensor(label, array.shape, T.INT32, whole.astype(np.int32))

    def convolution(key, read, made, stride, is_depthwise=False):
        k = list(shapes).index(key)
        weight = numbers(k, shapes[key])
        axis = 3 if is_depthwise else 0
        weight = weight.transpose(1, 2, 3, 0) if is_depthwise else weight.transpose(0, 2, 3, 1)
        scales = [2.0 ** -(3 + channel % 2) for channel in range(shapes[key][0])]
        inputs = [value[read], constant(f"{key}/w", np.ascontiguousarray(weight), axis),
                  bias(f"{key}/b", numbers(k, shapes[key][:1]), scales)]
        options = schema.DepthwiseConv2DOptionsT() if is_depthwise else schema.Conv2DOptionsT()
        options.strideW = options.strideH = stride
        if is_depthwise:
            options.depthMultiplier = 1
        code = B.DEPTHWISE_CONV_2D if is_depthwise else B.CONV_2D
        types_ = schema.BuiltinOptions
        option_type = types_.DepthwiseConv2DOptions if is_depthwise else types_.Conv2DOptions
        file.operator(code, inputs, [value[made]], option_type, options)

    convolution("stem", "x", "a", 2)
    convolution("deep", "a", "c", 1, True)
    convolution("side", "a", "d", 1)
    joined = schema.ConcatenationOptionsT()
    joined.axis = 3
    file.operator(
        B.CONCATENATION, [value["c"], value["d"]], [value["e"]],
        schema.BuiltinOptions.ConcatenationOptions, joined,
    )
    convolution("last", "e", "y", 1)
    file.save(name, [value["x"]], [value["y"]])


for form in ["float32", "float16", "int8"]:
    lite(f"{form}.tflite", form)

"""Makes Tests/EngineTests/Goldens/yolov8n-64.json: one training pass of YOLOv8n, seen from outside.

Oracle: ultralytics' YOLOv8n and v8DetectionLoss in PyTorch, FP32 on the CPU, training mode.
    python scripts/goldens/yolov8n.py

The pass: 2 classes, input [2, 64, 64, 3], BN with batch statistics over the two images together (eps
0.001, momentum 0.03), SiLU, gains 7.5, 0.5, 1.5.

What everything is filled with (formula.py; i is the flat index in the tensor's own layout):
    convolution weight, OIHW     signed(i, name) * sqrt(3 / fan_in), fan_in = I * kh * kw
    BN weight                    0.8 + 0.4 * unit(i, name)
    BN bias                      0.2 * signed(i, name)
    convolution bias (heads)     0.1 * signed(i, name)
    running mean, variance       0, 1 (before the pass)
    input, NHWC                  (number(i, "input") >> 24) / 255: bytes, divided in float32
computed in double and rounded once to float32. `name` is the one in PyTorch's state_dict.

The file, all arrays in order:
    oracle          versions
    targets         per image: {"classIndex", "corners"}; corners in pixels (left, top, right, bottom)
    levels          per level: height, width, stride, and for "boxes" [2, h, w, 64] (left, top, right,
                    bottom, 16 bins each) and "classes" [2, h, w, 2], logits in NHWC:
                    {"sum", "norm", "samples"}, 32 samples
    loss            box, classification, distribution in mean form, with their gains; normalizer =
                    max(sum of target scores, 1); positives = anchors with a target score above 0, in
                    all and by level
    gradientScale   2: gradients are those of gradientScale * (box + classification + distribution)
    parameters      per trained parameter: {"name", "shape", "sum", "norm", "samples"} of its gradient
                    in PyTorch's layout, 6 samples
    runningStatistics  per BN layer, after the pass: {"name", "mean": {…}, "variance": {…}}, 6 samples
    float64         the same pass in double: {"levels", "loss", "parameters", "runningStatistics"}
    float32Difference  how far the FP32 pass is from it: the greatest relative difference of a
                    head's samples (to its largest), of a gradient's norm, and of a gradient's samples
                    (to the norm / sqrt(count)). The two images give the last BN layers 8 values a
                    channel, which magnifies rounding: another FP32 program can be as far from the
                    double numbers, and twice as far from the FP32 ones.
norm is the L2 norm. k samples of n values are at the indices floor(j * (n - 1) / (k - 1)), j < k.
"""

import json
import math
import pathlib
import types

import numpy
import torch
import ultralytics
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils.loss import v8DetectionLoss

from formula import numbers, signed, unit

CLASSES, SIZE, BATCH = 2, 64, 2
# An untrained side is about 7.5 cells long, so the coarse levels only find boxes larger than the
# picture; without those their box branches would have no gradient.
TARGETS = [
    [(0, 4, 6, 40, 50), (1, 2, 1, 63, 62), (1, -200, -190, 270, 260)],
    [(1, -86, -90, 150, 140), (0, -30, 0, 90, 64), (0, 36, 30, 60, 63)],
]


def filled(name, value, modules):
    count = value.numel()
    owner = modules[name.rsplit(".", 1)[0]]
    if isinstance(owner, torch.nn.BatchNorm2d):
        values = 0.8 + 0.4 * unit(count, name) if name.endswith("weight") else 0.2 * signed(count, name)
    elif name.endswith("weight"):
        values = signed(count, name) * math.sqrt(3 / value[0].numel())
    else:
        values = 0.1 * signed(count, name)
    return torch.tensor(values.astype(numpy.float32)).reshape(value.shape)


def sampled(values, count):
    values = values.detach().double().flatten()
    n = values.numel()
    return {
        "sum": values.sum().item(),
        "norm": values.norm().item(),
        "samples": [values[j * (n - 1) // (count - 1)].item() for j in range(count)],
    }


def passed(dtype):
    torch.set_default_dtype(torch.float32)
    model = DetectionModel("yolov8n.yaml", ch=3, nc=CLASSES, verbose=False)
    model.args = types.SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
    modules = dict(model.named_modules())
    parameters = {n: p for n, p in model.named_parameters() if not n.endswith("dfl.conv.weight")}
    with torch.no_grad():
        for name, value in parameters.items():
            value.copy_(filled(name, value, modules))
            value.requires_grad_(True)
        for module in modules.values():
            if isinstance(module, torch.nn.BatchNorm2d):
                assert module.eps == 1e-3 and module.momentum == 0.03
                module.running_mean.zero_()
                module.running_var.fill_(1)
    model.to(dtype).train()

    pixels = (numbers(BATCH * SIZE * SIZE * 3, "input") >> numpy.uint64(24)).astype(numpy.float32)
    pixels = torch.tensor(pixels / numpy.float32(255)).reshape(BATCH, SIZE, SIZE, 3)
    rows = [
        [image, c, (x0 + x1) / 2 / SIZE, (y0 + y1) / 2 / SIZE, (x1 - x0) / SIZE, (y1 - y0) / SIZE]
        for image, targets in enumerate(TARGETS)
        for c, x0, y0, x1, y1 in targets
    ]
    rows = torch.tensor(rows, dtype=dtype)
    predictions = model(pixels.permute(0, 3, 1, 2).to(dtype))
    torch.set_default_dtype(dtype)  # the oracle makes new tensors
    loss = v8DetectionLoss(model)
    loss.proj = loss.proj.to(dtype)
    seen = {}
    assign = loss.assigner.forward

    def recording(*arguments, **options):
        result = assign(*arguments, **options)
        seen["scores"] = result[2]
        return result

    loss.assigner.forward = recording
    truth = {"batch_idx": rows[:, 0], "cls": rows[:, 1], "bboxes": rows[:, 2:]}
    total, _ = loss(predictions, truth)
    total.sum().backward()

    levels, start = [], 0
    for stride in (8, 16, 32):
        side = SIZE // stride
        level = {"height": side, "width": side, "stride": stride}
        for ours, theirs in (("boxes", "boxes"), ("classes", "scores")):
            part = predictions[theirs][:, :, start : start + side * side]
            level[ours] = sampled(part.permute(0, 2, 1), 32)
        levels.append(level)
        start += side * side
    parts = (total / BATCH).tolist()
    scores = seen["scores"].sum(-1)
    return {
        "levels": levels,
        "loss": {
            "box": parts[0],
            "classification": parts[1],
            "distribution": parts[2],
            "normalizer": max(scores.sum().item(), 1),
            "positives": int((scores > 0).sum()),
            "positivesByLevel": [int((x > 0).sum()) for x in scores.split([64, 16, 4], 1)],
        },
        "gradientScale": BATCH,
        "parameters": [
            {"name": n, "shape": list(p.shape), **sampled(p.grad, 6)} for n, p in parameters.items()
        ],
        "runningStatistics": [
            {"name": n, "mean": sampled(m.running_mean, 6), "variance": sampled(m.running_var, 6)}
            for n, m in modules.items()
            if isinstance(m, torch.nn.BatchNorm2d)
        ],
    }


def difference(single, double):
    heads = norms = samples = 0
    for a, b in zip(single["levels"], double["levels"]):
        for kind in ("boxes", "classes"):
            x, y = (numpy.array(v[kind]["samples"]) for v in (a, b))
            heads = max(heads, abs(x - y).max() / abs(y).max())
    for a, b in zip(single["parameters"], double["parameters"]):
        norms = max(norms, abs(a["norm"] - b["norm"]) / b["norm"])
        scale = b["norm"] / math.sqrt(math.prod(b["shape"]))
        x, y = (numpy.array(v["samples"]) for v in (a, b))
        samples = max(samples, abs(x - y).max() / scale)
    assert single["loss"]["positives"] == double["loss"]["positives"]
    return {"headSamples": float(heads), "gradientNorms": float(norms), "gradientSamples": float(samples)}


def shortened(value):
    """Nine significant digits: enough to give a float32 back exactly."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, list):
        return [shortened(x) for x in value]
    if isinstance(value, dict):
        return {key: shortened(x) for key, x in value.items()}
    return value


single = passed(torch.float32)
double = passed(torch.float64)
golden = {
    "oracle": f"ultralytics {ultralytics.__version__}, torch {torch.__version__}",
    "targets": [
        [{"classIndex": t[0], "corners": list(t[1:])} for t in image] for image in TARGETS
    ],
    **single,
    "float64": {key: value for key, value in double.items() if key != "gradientScale"},
    "float32Difference": difference(single, double),
}
path = pathlib.Path(__file__).resolve().parents[2] / "Tests/EngineTests/Goldens/yolov8n-64.json"
path.write_text(json.dumps(shortened(golden), separators=(",", ":")) + "\n")
count = sum(math.prod(p["shape"]) for p in golden["parameters"])
print(path, path.stat().st_size, "bytes;", len(golden["parameters"]), "parameters,", count, "values")
print(golden["loss"], golden["float32Difference"])
print({k: double["loss"][k] for k in double["loss"]})
for level in golden["levels"]:
    print(level["height"], level["boxes"]["norm"], level["classes"]["norm"], level["classes"]["samples"][:4])
print(golden["parameters"][0])

"""Makes Tests/DetectionTests/Goldens/detection-loss.json: the loss of a YOLOv8 head and its gradient.

Oracle: the v8DetectionLoss of the installed ultralytics package, FP32 on the CPU.
    python scripts/goldens/detection_loss.py

Per case: batch size, class count, levels (height, width, stride), targets per image (class, corners
in pixels), the parts of the loss in mean form with gains 7.5, 0.5, 1.5, the sum of target scores, the
assigned anchors [image, anchor over all levels, target, score] whose score is not 0, and gradients of
box + classification + distribution (not multiplied by the batch size): all class logits in NHWC, and
the 64 box logits of each assigned anchor in the order of that list; all other box gradients are 0.

Logits: box = 4 * signed(i, "boxes.<case>.<level>"), class = 3 * signed(i, "classes.<case>.<level>")
- 1, i the flat NHWC index (formula.py).
"""

import json
import pathlib
import types

import torch
import ultralytics
from ultralytics.utils.loss import v8DetectionLoss

from formula import signed

GAINS = types.SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
CASES = [
    {
        "name": "crowded",
        "classCount": 3,
        "size": (64, 64),
        "targets": [
            [
                (0, 4, 4, 40, 44),
                (1, 10, 6, 44, 40),
                (2, 8.5, 20.25, 30, 60),
                (1, 50, 50, 55.5, 54),
                (0, 0, 0, 64, 64),
            ],
            [(2, 12, 30.75, 60, 63), (2, 14, 28, 58, 62), (0, 33, 1, 36, 3)],
        ],
    },
    {
        "name": "sparse",
        "classCount": 2,
        "size": (64, 96),
        "targets": [[], [(1, 20, 10, 84, 50)], [(0, 70, 2, 95, 30), (1, 5, 40, 25, 63.5)]],
    },
    {"name": "empty", "classCount": 1, "size": (32, 64), "targets": [[], []]},
]


class Head(torch.nn.Module):
    """As much of a model as the oracle looks at."""

    def __init__(self, class_count):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.stride = torch.tensor([8.0, 16.0, 32.0])
        self.nc = class_count
        self.reg_max = 16


def evaluate(case):
    height, width = case["size"]
    targets = case["targets"]
    batch = len(targets)
    classes = case["classCount"]
    head = Head(classes)
    model = torch.nn.Module()
    model.args = GAINS
    model.model = torch.nn.ModuleList([head])
    loss = v8DetectionLoss(model)

    seen = {}
    assign = loss.assigner.forward

    def recording(*arguments, **options):
        result = assign(*arguments, **options)
        seen["scores"], seen["targets"] = result[2], result[4]
        return result

    loss.assigner.forward = recording

    levels, boxes, scores = [], [], []
    for index, stride in enumerate((8, 16, 32)):
        h, w = height // stride, width // stride
        levels.append({"height": h, "width": w, "stride": stride})
        for kind, channels, scale, offset, into in (
            ("boxes", 64, 4, 0, boxes),
            ("classes", classes, 3, -1, scores),
        ):
            values = signed(batch * h * w * channels, f"{kind}.{case['name']}.{index}") * scale
            leaf = torch.tensor(values + offset, dtype=torch.float32)
            into.append(leaf.reshape(batch, h, w, channels).requires_grad_())

    def joined(leaves):
        return torch.cat([x.flatten(1, 2) for x in leaves], 1).permute(0, 2, 1)

    rows = []
    for image, image_targets in enumerate(targets):
        for label, x0, y0, x1, y1 in image_targets:
            center = [(x0 + x1) / 2 / width, (y0 + y1) / 2 / height]
            rows.append([image, label, *center, (x1 - x0) / width, (y1 - y0) / height])
    rows = torch.tensor(rows, dtype=torch.float32).reshape(-1, 6)
    predictions = {
        "boxes": joined(boxes),
        "scores": joined(scores),
        "feats": [x.permute(0, 3, 1, 2) for x in boxes],
    }
    truth = {"batch_idx": rows[:, 0], "cls": rows[:, 1], "bboxes": rows[:, 2:]}
    total, _ = loss(predictions, truth)
    parts = total / batch
    parts.sum().backward()

    positives, box_gradients = [], []
    cell_gradients = torch.cat([x.grad.flatten(1, 2) for x in boxes], 1)
    anchor_scores = seen["scores"].sum(-1)
    for image, anchor in anchor_scores.nonzero().tolist():
        target = int(seen["targets"][image, anchor])
        positives.append([image, anchor, target, anchor_scores[image, anchor].item()])
        box_gradients.append(cell_gradients[image, anchor].tolist())
    others = cell_gradients.clone()
    for image, anchor, *_ in positives:
        others[image, anchor] = 0
    assert others.abs().max() == 0
    return {
        "name": case["name"],
        "batchSize": batch,
        "classCount": classes,
        "levels": levels,
        "targets": [
            [{"classIndex": t[0], "corners": list(t[1:])} for t in image] for image in targets
        ],
        "box": parts[0].item(),
        "classification": parts[1].item(),
        "distribution": parts[2].item(),
        "normalizer": max(anchor_scores.sum().item(), 1),
        "positives": positives,
        "classGradients": [x.grad.flatten().tolist() for x in scores],
        "boxGradients": box_gradients,
    }


def shortened(value):
    """Nine significant digits: enough to give a float32 back exactly."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, list):
        return [shortened(x) for x in value]
    if isinstance(value, dict):
        return {key: shortened(x) for key, x in value.items()}
    return value


root = pathlib.Path(__file__).resolve().parents[2]
path = root / "Tests/DetectionTests/Goldens/detection-loss.json"
golden = {
    "oracle": f"ultralytics {ultralytics.__version__}, torch {torch.__version__}",
    "cases": [evaluate(case) for case in CASES],
}
path.write_text(json.dumps(shortened(golden)) + "\n")
print(path, path.stat().st_size, "bytes")
for case in golden["cases"]:
    print(case["name"], case["box"], case["classification"], case["distribution"], len(case["positives"]))

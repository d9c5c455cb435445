"""Makes Tests/DetectionTests/Goldens/coco-{truth,found,expected}.json: COCO metrics of made-up boxes.

Oracle: the installed pycocotools.
    python scripts/goldens/coco_metrics.py

The boxes are random (fixed seed) and hard on purpose: crowds, objects on the borders of the size
ranges, equal scores and equal overlaps, a picture with more than 100 detections of a class, pictures
without objects or without detections, classes with only one of the two, ids beyond 2^53, an id 0,
and detections of a category that the ground truth does not have.
Expected: {"summary": the 12 numbers, "classes": [[id, AP, AP50], …]}, -1 where there is nothing.
"""

import contextlib
import io
import json
import pathlib
import random

import numpy
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

random.seed(7)
BIG = 2**60 + 1
images = [{"id": BIG + 3 * i, "file_name": f"{i}.jpg", "width": 400, "height": 300} for i in range(12)]
random.shuffle(images)
categories = [{"id": i, "name": f"kind {i}"} for i in (9, 2, 5, 30)]
annotations, found = [], []


def box(size):
    width, height = (round(random.uniform(0.5, 1.5) * size, 1) for _ in range(2))
    return [round(random.uniform(0, 300), 1), round(random.uniform(0, 200), 1), width, height]


def near(b, spread):
    moved = [round(v + random.uniform(-spread, spread) * max(b[2], b[3]), 1) for v in b]
    return moved[:2] + [max(v, 1) for v in moved[2:]]


for number, image in enumerate(images[:10]):
    for category in (9, 2, 5):
        for _ in range(random.randint(0, 5)):
            b = box(random.choice([20, 32, 60, 96, 150]))
            area = random.choice([b[2] * b[3], round(b[2] * b[3] * 0.6, 2), 32**2, 96**2])
            crowd = int(random.random() < 0.15)
            annotations.append(
                {"id": len(annotations), "image_id": image["id"], "category_id": category,
                 "bbox": b, "area": area, "iscrowd": crowd}
            )
            if random.random() < 0.1:
                annotations.append(dict(annotations[-1], id=len(annotations)))
            if number == 9:
                continue
            for _ in range(random.choice([0, 1, 1, 2, 4] if not crowd else [2, 5])):
                found.append(
                    {"image_id": image["id"], "category_id": category,
                     "bbox": near(b, random.choice([0, 0.03, 0.1, 0.3])),
                     "score": round(random.random(), 1 if number % 2 else 3)}
                )
for image in images[5:]:
    for category in (9, 2, 30, 77):
        for _ in range(random.randint(0, 4)):
            found.append(
                {"image_id": image["id"], "category_id": category, "bbox": box(40),
                 "score": round(random.random() * 0.7, 2)}
            )
crowded = [a for a in annotations if a["category_id"] == 9][0]
for _ in range(130):
    found.append(
        {"image_id": crowded["image_id"], "category_id": 9, "bbox": near(crowded["bbox"], 0.5),
         "score": round(random.random(), 2)}
    )
random.shuffle(found)

truth = {"images": images, "categories": categories, "annotations": annotations}
with contextlib.redirect_stdout(io.StringIO()):
    coco = COCO()
    coco.dataset = json.loads(json.dumps(truth))
    coco.createIndex()
    evaluation = COCOeval(coco, coco.loadRes(json.loads(json.dumps(found))), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()


def mean(values):
    values = values[values > -1]
    return float(numpy.mean(values)) if values.size else -1.0


precision = evaluation.eval["precision"]
classes = [
    [int(identifier), mean(precision[:, :, k, 0, 2]), mean(precision[0, :, k, 0, 2])]
    for k, identifier in enumerate(evaluation.params.catIds)
]
folder = pathlib.Path(__file__).resolve().parents[2] / "Tests/DetectionTests/Goldens"
for name, value in (
    ("truth", truth),
    ("found", found),
    ("expected", {"summary": evaluation.stats.tolist(), "classes": classes}),
):
    path = folder / f"coco-{name}.json"
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size, "bytes")
print(evaluation.stats, classes)

#!/usr/bin/env bash
# Trains YOLOv8n on the Penn-Fudan pedestrians from scratch on two ranks, float and then QAT, and holds
# the result against the accuracy the README states. Leaves the run in runs/check-accuracy.
#
#   EDGEWISE_TEST_DATA=FOLDER scripts/check-accuracy.sh     FOLDER holds penn-fudan (default ../shared/data)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/mpi-environment.sh

edgewise=.build/release/edgewise
data=${EDGEWISE_TEST_DATA:-../shared/data}/penn-fudan
run=runs/check-accuracy
if [ ! -d "$data" ]; then
  echo "$data is not there; set EDGEWISE_TEST_DATA to the folder that holds penn-fudan" >&2
  exit 1
fi

rm -rf "$run"
SECONDS=0
mpirun --quiet -n 2 --oversubscribe --bind-to none \
  "$edgewise" train recipes/penn-fudan.yaml --set "data.root=$data" --run "$run"
echo "trained in $SECONDS s"

# Prints the metric mAP50-95 of a run's newest checkpoint; the JSON line itself goes to the log.
score() {
  local json value
  json=$("$edgewise" evaluate "$1" --as "$2" --set "data.root=$data" --json)
  echo "$1 as $2: $json" >&2
  # The last one in the line is that of all classes; those of single classes stand before it.
  value=$(sed -nE 's/.*"mAP50-95" *: *([0-9.eE+-]+).*/\1/p' <<<"$json")
  if [ -z "$value" ]; then
    echo "edgewise evaluate printed no \"mAP50-95\"" >&2
    return 1
  fi
  echo "$value"
}

# holds "SENTENCE" EXPRESSION: says the sentence, and whether the expression is true.
failed=0
holds() {
  if awk "BEGIN { exit !($2) }"; then echo "holds: $1"; else
    echo "FAILS: $1"
    failed=1
  fi
}

float=$(score "$run/calibrated" float)
int8=$(score "$run" int8)
"$edgewise" export "$run" --format onnx --force --output "$run/model.onnx"
onnx=$(scripts/evaluate-onnx "$run" "$run/model.onnx" --set "data.root=$data")
echo "$onnx"
difference=$(awk '/^difference/ { print $3 }' <<<"$onnx")
holds "float mAP50-95 $float is at least 0.54" "$float >= 0.54"
holds "int8 mAP50-95 $int8 is within 0.015 of float" "$int8 >= $float - 0.015"
if [ -n "$difference" ]; then
  holds "onnxruntime differs from int8 by $difference, at most 0.003" \
    "$difference <= 0.003 && $difference >= -0.003"
fi
exit "$failed"

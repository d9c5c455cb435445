#!/usr/bin/env bash
# The main job on pictures it draws itself, in demo/: data, training (float, calibration, QAT) on two
# ranks, evaluation of the three models, export, the list of checkpoints, predicted pictures.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/mpi-environment.sh

edgewise=.build/release/edgewise
data=demo/data
run=demo/run
model=demo/model.onnx
predictions=demo/predictions

if [ ! -x "$edgewise" ]; then
  echo "$edgewise is not there; build it with: make build" >&2
  exit 1
fi

step() {
  printf '\n== %s\n' "$1"
  shift
  printf '$ %s\n' "$*"
  "$@"
}

# At most two ranks, never more than processors; without mpirun, one. Binding is left to the system,
# for each rank also decodes pictures on other threads. Quiet: mpirun would add ten lines of its own to
# the one sentence with which a run that fails ends.
# nproc would take OMP_NUM_THREADS for the number of processors.
processors=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
ranks=$((processors < 2 ? 1 : 2))
launcher=()
if command -v mpirun >/dev/null; then
  launcher=(mpirun --quiet -n "$ranks" --oversubscribe --bind-to none)
else
  echo "mpirun is not on PATH: training on one rank"
fi

# Prints one line: what was evaluated, and its metrics. `calibrated` in the run holds the float weights
# with their first ranges: the float model, and the one quantized without training.
evaluate() {
  local name=$1 checkpoint=$2 arithmetic=$3
  printf '%-10s ' "$name"
  "$edgewise" evaluate "$checkpoint" --as "$arithmetic" --set "data.root=$data" --json \
    >"demo/$name.json"
  # The keys stand once at the top of the document; those of the classes come inside "classes".
  sed -E 's/"(classes|coco)": ?(\[[^]]*\]|\{[^}]*\})//g' "demo/$name.json" \
    | grep -oE '"mAP50(-95)?": ?[0-9.e-]+' | tr '\n' ' '
  echo
}

rm -rf demo
mkdir demo
SECONDS=0
step "Draw a parking lot" \
  "$edgewise" data synthesize parking-lot --images 320 --validation-images 64 --seed 1 \
  --output "$data"
step "Train: float, calibrate, QAT" \
  "${launcher[@]}" "$edgewise" train recipes/demo.yaml --set "data.root=$data" --run "$run"
printf '\n== Evaluate\n'
evaluate float "$run/calibrated" float
evaluate ptq-int8 "$run/calibrated" int8
evaluate qat-int8 "$run" int8
step "Export" "$edgewise" export "$run" --format onnx --output "$model"
step "Checkpoints" "$edgewise" checkpoint list "$run"
step "Predict" \
  "$edgewise" predict "$run" "$data/images/val" --output "$predictions" --count 9

printf '\nDone in %d min %d s: %s, and pictures to look at in %s/\n' \
  $((SECONDS / 60)) $((SECONDS % 60)) "$model" "$predictions"

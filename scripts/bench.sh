#!/usr/bin/env bash
# Measures everything `edgewise bench` can, each result one line of JSON in .build/bench.jsonl, and then
#
#   scripts/bench.sh report   writes docs/performance.md from them (or OUTPUT)
#   scripts/bench.sh check    compares their ratios with scripts/bench-ratios.json; exit code 1 on a regression
#
# Several minutes; nothing else should run on the machine meanwhile. One-rank measurements stay on one
# processor. From the environment:
#
#   RUN          a trained run, with a mAP50-95 of 0.1 or more (or other runtimes are not timed), for `bench checkpoint`, `bench infer` and the exported models; without it a
#                run of a few steps on drawn pictures is made, whose weights compress less than trained ones
#   PARTS        what to measure (step ops infer load reduce scaling checkpoint); of the others the lines of
#                the last time stay in .build/bench.jsonl
#   MODES        the modes of a step (float qat, and float-bf16 qat-bf16 where the processor has bf16)
#   OUTPUT       where the report goes (docs/performance.md)
#   CONFIGS      model:side:batch, several (yolov8n:320:8); ratios are those of the first
#   LOAD_RECIPE, LOAD_DATA   whose pictures `bench load` loads (recipes/demo.yaml, drawn), and their folder
#   PEER_PYTHON  a Python with onnxruntime or openvino (.venv/bin/python)
#   PEERS        a file of other programs' results, JSON lines such as
#                {"peer": "…", "mode": "fp32", "size": 320, "batch": 8, "world": 1, "images_per_s": 20.1}
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/mpi-environment.sh

action=${1:-report}
edgewise=.build/release/edgewise
results=.build/bench.jsonl
parts=" ${PARTS:-step ops infer load reduce scaling checkpoint} "
default_modes="float qat"
if grep -qwE 'avx512_bf16|amx_bf16' /proc/cpuinfo; then default_modes="float float-bf16 qat qat-bf16"; fi
read -ra modes <<<"${MODES:-$default_modes}"
read -ra configs <<<"${CONFIGS:-yolov8n:320:8}"
python=${PEER_PYTHON:-.venv/bin/python}

case $action in
  report | check) ;;
  *)
    echo "scripts/bench.sh: $action is neither report nor check" >&2
    exit 64
    ;;
esac
if [ ! -x "$edgewise" ]; then
  echo "$edgewise is not there; build it with: make build" >&2
  exit 1
fi
if [ -n "${PEERS:-}" ] && [ ! -r "$PEERS" ]; then
  echo "PEERS=$PEERS cannot be read" >&2
  exit 74
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
one_processor=()
if command -v taskset >/dev/null; then one_processor=(taskset -c 0); fi
# nproc would take OMP_NUM_THREADS for the number of processors.
processors=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)

# Runs `edgewise bench ARGUMENT… --json` behind a prefix of words, ended by --.
measure() {
  local prefix=()
  while [ "$1" != -- ]; do
    prefix+=("$1")
    shift
  done
  shift
  printf 'bench %s\n' "$*" >&2
  "${prefix[@]}" "$edgewise" bench "$@" --json >>"$results"
}

# Whether a part was asked for; if so, forgets its lines of the last time.
begin() {
  [[ $parts == *" $1 "* ]] || return 1
  grep -v "\"bench\": \"$1\"" "$results" >"$work/kept" || true
  cp "$work/kept" "$results"
}

run=${RUN:-}
if [ -z "$run" ] && [[ $parts == *" infer "* || $parts == *" checkpoint "* ]]; then
  run=$work/run
  cat >"$work/bench.yaml" <<'YAML'
name: bench
model: { inputSize: 320 }
data: { synthetic: { images: 16, validationImages: 4 } }
batch: { size: 8, shards: 2 }
schedule: { floatEpochs: 3, qatEpochs: 2, calibrationImages: 16 }
YAML
  echo "training a run of a few steps" >&2
  "$edgewise" train "$work/bench.yaml" --run "$run" --quiet
fi

mkdir -p .build
touch "$results"
IFS=: read -r model size batch <<<"${configs[0]}"
shape=(--model "$model" --size "$size" --batch "$batch")

# What is compared with each other follows directly on each other.
if begin step; then
  for config in "${configs[@]}"; do
    IFS=: read -r model size batch <<<"$config"
    for mode in "${modes[@]}"; do
      measure "${one_processor[@]}" -- step --model "$model" --size "$size" --batch "$batch" \
        --mode "$mode"
    done
  done
fi
if begin ops; then
  for mode in "${modes[@]}"; do measure "${one_processor[@]}" -- ops "${shape[@]}" --mode "$mode"; done
fi
# Times another runtime on a model's file: peer RUNTIME MODE FILE CHECKPOINT [OPTION]. One that
# computes it wrongly, or not at all, says so and is left out.
peer() {
  if [ ! -x "$python" ]; then
    echo "skipped: $1; there is no $python (scripts/check-python makes it; or give PEER_PYTHON)" >&2
    return
  fi
  echo "peer $1 $2 ${5:-}" >&2
  "${one_processor[@]}" "$python" scripts/peers/infer_onnx.py "$1" "$2" "$3" --run "$4" ${5:+"$5"} \
    >>"$results" || true
}

if begin infer; then
  "$edgewise" export "$run" --as float --output "$work/float.onnx" >/dev/null
  measure "${one_processor[@]}" -- infer --run "$run" --mode float
  peer onnxruntime float "$work/float.onnx" "$run"
  peer openvino float "$work/float.onnx" "$run"
  peer openvino float "$work/float.onnx" "$run" --as-it-comes
  # Each runtime takes the int8 file that it computes best and rightly: OpenVINO uint8 values without
  # any inside SiLU, onnxruntime those of a model calibrated for it.
  measure "${one_processor[@]}" -- infer --run "$run" --mode int8
  "$edgewise" export "$run" --as int8 --target onnxruntime --output "$work/uint8.onnx" \
    >/dev/null 2>"$work/findings"
  peer openvino int8 "$work/uint8.onnx" "$run"
  if "$edgewise" calibrate "$run" --output "$work/calibrated" \
    --set quantization.target=onnxruntime >/dev/null; then
    "$edgewise" export "$work/calibrated/calibrated" --target onnxruntime \
      --output "$work/onnxruntime.onnx" >/dev/null
    peer onnxruntime int8 "$work/onnxruntime.onnx" "$work/calibrated/calibrated"
  fi
fi
if begin load; then
  load=("${LOAD_RECIPE:-recipes/demo.yaml}")
  if [ -n "${LOAD_DATA:-}" ]; then load+=(--set "data.root=$LOAD_DATA"); fi
  threads=(--threads 1)
  if ((processors > 1)); then threads+=(--threads 2); fi
  measure -- load "${load[@]}" "${threads[@]}"
fi
if command -v mpirun >/dev/null; then
  if begin reduce; then measure mpirun --quiet --oversubscribe --bind-to none -n 2 -- reduce; fi
  if begin scaling && ((processors > 1)); then
    for mode in float qat; do measure -- scaling "${shape[@]}" --mode "$mode"; done
  fi
else
  echo "skipped: reduce and scaling; mpirun is not on PATH" >&2
fi
# Not on one processor: there the writer that a save wakes would run before the step goes on.
if begin checkpoint; then measure -- checkpoint --run "$run" --count 9; fi

files=("$results")
if [ -n "${PEERS:-}" ]; then
  # Other programs like to print more than their result.
  grep '^{' "$PEERS" >"$work/peers.jsonl" || true
  files+=("$work/peers.jsonl")
fi
if [ "$action" = check ]; then
  "$edgewise" bench check "${files[@]}" --against scripts/bench-ratios.json
else
  "$edgewise" bench report "${files[@]}" --output "${OUTPUT:-docs/performance.md}"
fi

#!/usr/bin/env bash
# Interrupts and resumes a small run SOAK_ROUNDS times (100), by USR1 or by kill -9, at random moments and on
# one to four ranks, and holds its bits against those of a run that nobody disturbed. SOAK_SEED repeats a soak.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/mpi-environment.sh

edgewise=.build/release/edgewise
rounds=${SOAK_ROUNDS:-100}
RANDOM=${SOAK_SEED:=$RANDOM}
folder=runs/soak
recipe=recipes/demo.yaml
settings=(--set batch.shards=4 --set schedule.floatEpochs=6 --set schedule.qatEpochs=4 --set checkpoint.everySteps=5)

rm -rf "$folder"
mkdir -p "$folder"
echo "soak of $rounds rounds, SOAK_SEED=$SOAK_SEED"

# train RANKS RUN: one start of the run; its output is appended to RUN.log.
train() {
  exec mpirun --quiet -n "$1" --oversubscribe --bind-to none \
    "$edgewise" train "$recipe" "${settings[@]}" --run "$2" --resume auto >>"$2.log" 2>&1
}

give_up() {
  echo "$1; the end of $2.log:" >&2
  tail -n 20 "$2.log" >&2
  exit 1
}

SECONDS=0
(train 2 "$folder/quiet") || give_up "the quiet run failed" "$folder/quiet"
duration=$((SECONDS > 4 ? SECONDS : 4))

run=$folder/disturbed
stops=0
processes=()
while :; do
  ranks=$((1 + RANDOM % 4))
  train "$ranks" "$run" &
  pid=$!
  if ((stops < rounds)); then
    # Long enough to get past the start, short enough for about four stops a run.
    sleep "$((1 + RANDOM % (duration / 4 + 1))).$((RANDOM % 10))"
    if ((RANDOM % 2)); then
      # mpirun hands it to every rank.
      signal=USR1
      kill -USR1 "$pid" 2>/dev/null || true
    else
      # One of the ranks; mpirun then ends the others.
      signal=KILL
      read -ra processes 2>/dev/null <"/proc/$pid/task/$pid/children" || true
      if ((${#processes[@]} > 0)); then
        kill -KILL "${processes[RANDOM % ${#processes[@]}]}" 2>/dev/null || true
      fi
    fi
  fi
  status=0
  wait "$pid" || status=$?
  case $status in
    0)
      same=$("$edgewise" checkpoint diff "$folder/quiet" "$run" --json) || true
      case $same in
        *'"identical": true'* | *'"identical":true'*) ;;
        *) give_up "after $stops stops the bits differ: $same" "$run" ;;
      esac
      if ((stops >= rounds)); then break; fi
      rm -rf "$run"
      ;;
    75 | 137) stops=$((stops + 1)) && echo "stop $stops of $rounds: $signal on $ranks ranks" ;;
    138) ;; # USR1 came before mpirun or a rank had a handler for it: nothing was trained, nothing stopped
    *) give_up "after $stops stops the run ended with $status" "$run" ;;
  esac
done
echo "$stops stops, the same bits (SOAK_SEED=$SOAK_SEED)"

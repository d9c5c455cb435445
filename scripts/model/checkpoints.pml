/*
 * What the ranks of a run do around a checkpoint, as a model for spin. `scripts/check-model` runs it;
 * docs/reliability.md says what it found. Comments in brackets name the Swift function that a step
 * stands for.
 *
 * Two ranks share the run's folder. Each step below is one call to the system, or several of which
 * no other process can see the middle. Between any two steps
 * - rank 0 may end (killed, or because another rank ended, or waited too long for a share): the next
 *   job may begin at once, while a writer of rank 1 lives on and writes later, or never;
 * - the power may fail: all processes end, and the disk has what `fsync` promised and of the rest
 *   whatever it likes (below);
 * - one folder may become damaged where it lies, while another whole one is there.
 *
 * The file system. Contents of a file are safe after the fsync of that file; a file's name in its
 * folder after the fsync of that folder; `checkpoints` itself after the fsync of the folders above it.
 * Until then each may be there or not after a power cut, in any combination. The names of one step
 * (`step-…`, `.tmp-step-…`, `.tmp-removed-…`) change in the order of the calls, a rename is one
 * change, and an fsync of `checkpoints` makes the last change of all steps safe; changes of
 * different steps reach the disk in any order. What is removed may be gone from the disk before any
 * earlier change of a name is there.
 *
 * Checked after each step, for every state of the disk that a power cut at that moment could leave:
 *   P1  after the first commit a whole checkpoint is on the disk, and the newest one that is sure to
 *       be there never becomes older, unless damage came to one: pruning behind a save takes a damaged
 *       one that looks complete for the newest;
 *   P2  the best score of the checkpoints that are sure to be there never becomes lower;
 *   P3  a folder under a checkpoint's name that looks complete (manifest, all files, their lengths)
 *       is whole, unless damage came to it;
 *   P4  without a power cut, every folder under a checkpoint's name is whole, unless damage came;
 *   P5  a commit is safe when it returns;
 *   P6  what a run goes on from is whole, and with `--resume auto` the newest that is;
 *   P7  one save at a time: none begins while a writer of this job is at work.
 */

#ifndef STEPS
#define STEPS 3   /* steps that are saved: 0 by a fresh run, then 1, 2, … */
#endif
#ifndef JOBS
#define JOBS 3    /* jobs one after another on the run's folder */
#endif
#ifndef AGAIN
#define AGAIN 1   /* how often a step is saved a second time */
#endif
#ifndef EXCHANGE
#define EXCHANGE 1 /* whether the file system has RENAME_EXCHANGE */
#endif
#ifndef ROT
#define ROT 1     /* how many checkpoints become damaged where they lie */
#endif

/* A folder's files, as bits. The part file is rank 1's note that its share is on the disk. */
#define SHARD0   1
#define SHARD1   2
#define MANIFEST 4
#define PART     8
#define WHOLE    7

/* Folders by number, 0 for none: those of step s are s * FOLDERS + 1 and so on. */
#define FOLDERS 4
#define COUNT (STEPS * FOLDERS + 1)
#define PAST 8

byte files[COUNT];    /* names that processes see */
byte content[COUNT];  /* files whose contents processes see whole */
byte sure[COUNT];     /* names that are on the disk whatever happens */
byte maybe[COUNT];    /* names that may be on the disk */
byte durable[COUNT];  /* files whose contents are on the disk */
bool scored[COUNT];   /* the manifest carries the score of its weights */
bool rotten[COUNT];   /* became damaged where it lies */
bool remains[COUNT];  /* what a power cut left of a removal */
byte maker[COUNT];    /* the job that made the folder */

/* What a step's names mean: every state since the last fsync of `checkpoints`, the last one being what
 * processes see. */
byte stepName[STEPS];   /* the folder that processes find there, 0 for none */
byte tmpName[STEPS];
byte goneName[STEPS];
byte pastCount[STEPS];  /* states before, of which the disk may still be in any */
byte pastStep[STEPS * PAST];
byte pastTmp[STEPS * PAST];
byte pastGone[STEPS * PAST];

mtype = { absent, made, safe };
mtype above = absent;   /* the folder `checkpoints` itself */

byte score[STEPS];      /* what evaluation finds for the weights of a step, 0 before it was asked */

/* The job at hand. `up`: its rank 0 lives, and holds the run's lock [RunLock]. */
bool up = false;
byte job = 0;
byte boot = 0;          /* power cuts so far */
byte again = 0;
byte damages = 0;
bool isPruning;         /* the job is `edgewise checkpoint prune` */
bool busy0, busy1;      /* [BackgroundCheckpointWriter.isBusy] of both ranks */
bool idle0 = true;      /* rank 0's writer has nothing to do, or its process is gone */
byte shares;            /* writers of rank 1 that live, of whichever job */
bool ordered;           /* a share waits for rank 0's writer */
byte orderedStep;
bool orderedScored;

/* What has been reached, for the properties: steps count from 1 here, 0 is none. */
bool committed;
byte newestSure, bestSure;
bool bestIsOff;         /* the best one became damaged; see [RetentionPolicy.bestEntry] */

/* Scratch of single steps. */
hidden byte a, b, c, f, newest, best, keep, keepBest, keepWhole;
hidden byte hereStep, hereTmp, hereGone;
hidden byte holds, holdsScore;

/* ---------------------------------------------------------------- properties, after each step */

inline judge() {
  newest = 0; best = 0;
  a = 0;
  do
  :: a < STEPS ->
     holds = (above == safe); holdsScore = holds;
     b = 0;
     do
     :: b <= pastCount[a] ->
        if :: b < pastCount[a] -> f = pastStep[a * PAST + b] :: else -> f = stepName[a] fi;
        if
        :: f == 0 || rotten[f] || (sure[f] & durable[f] & WHOLE) != WHOLE ->
           holds = false; holdsScore = false
        :: else ->
           if :: !scored[f] -> holdsScore = false :: else fi
        fi;
        /* P3 */
        assert(f == 0 || rotten[f] || (maybe[f] & WHOLE) != WHOLE || (durable[f] & WHOLE) == WHOLE);
        b++
     :: else -> break
     od;
     f = stepName[a];
     /* P4 */
     assert(f == 0 || rotten[f] || remains[f] || (files[f] & content[f] & WHOLE) == WHOLE);
     if :: holds -> newest = a + 1 :: else fi;
     if :: holdsScore && score[a] > best -> best = score[a] :: else fi;
     a++
  :: else -> break
  od;
  /* P1, P2 */
  assert(!committed || newest > 0);
  assert(damages > 0 || newest >= newestSure);
  assert(bestIsOff || best >= bestSure);
  newestSure = newest;
  bestSure = best;
  a = 0; b = 0; f = 0; newest = 0; best = 0; holds = false; holdsScore = false
}

/* P5: whatever a power cut leaves, the step's name means a whole folder. */
inline assertSafe(s) {
  a = s * PAST; f = stepName[s];
  do
  :: true ->
     assert(f != 0 && (rotten[f] || (above == safe && (sure[f] & durable[f] & WHOLE) == WHOLE)));
     if
     :: a < s * PAST + pastCount[s] -> f = pastStep[a]; a++
     :: else -> break
     fi
  od;
  a = 0; f = 0
}

/* A step of rank 0 in the job `mine`, if it lives. */
#define STEP(...) if :: d_step { (up && job == mine) -> __VA_ARGS__; judge() } :: else -> goto down fi

/* ---------------------------------------------------------------- the file system */

inline forget(g) {
  files[g] = 0; content[g] = 0; sure[g] = 0; maybe[g] = 0; durable[g] = 0;
  scored[g] = false; rotten[g] = false; remains[g] = false; maker[g] = 0
}

/* Folders of step s that no name can mean any more. */
inline clearUnused(s) {
  b = s * FOLDERS + 1;
  do
  :: b <= (s + 1) * FOLDERS ->
     holds = (stepName[s] == b || tmpName[s] == b || goneName[s] == b);
     c = s * PAST;
     do
     :: c < s * PAST + pastCount[s] ->
        holds = (holds || pastStep[c] == b || pastTmp[c] == b || pastGone[c] == b);
        c++
     :: else -> break
     od;
     if :: !holds -> forget(b) :: else fi;
     b++
  :: else -> break
  od;
  b = 0; c = 0; holds = false
}

/* [rename, renameat2, mkdir, rmdir] The names of a step change, all at once. */
inline change(s, newStep, newTmp, newGone) {
  assert(pastCount[s] < PAST);
  pastStep[s * PAST + pastCount[s]] = stepName[s];
  pastTmp[s * PAST + pastCount[s]] = tmpName[s];
  pastGone[s * PAST + pastCount[s]] = goneName[s];
  pastCount[s]++;
  hereStep = newStep; hereTmp = newTmp; hereGone = newGone;
  stepName[s] = hereStep; tmpName[s] = hereTmp; goneName[s] = hereGone
}

inline forgetPast(s) {
  do
  :: pastCount[s] > 0 ->
     pastCount[s]--;
     pastStep[s * PAST + pastCount[s]] = 0;
     pastTmp[s * PAST + pastCount[s]] = 0;
     pastGone[s * PAST + pastCount[s]] = 0
  :: else -> break
  od
}

/* [syncFolder(store.folder)] */
inline syncParent() {
  a = 0;
  do
  :: a < STEPS ->
     forgetPast(a);
     clearUnused(a);
     a++
  :: else -> break
  od
}

/* [mkdir] A new folder under the temporary name; a number that no name can mean. */
inline makeTemporary(s) {
  clearUnused(s);
  f = s * FOLDERS + 1;
  do
  :: f <= (s + 1) * FOLDERS ->
     holds = (stepName[s] == f || tmpName[s] == f || goneName[s] == f);
     c = s * PAST;
     do
     :: c < s * PAST + pastCount[s] ->
        holds = (holds || pastStep[c] == f || pastTmp[c] == f || pastGone[c] == f);
        c++
     :: else -> break
     od;
     if :: !holds -> break :: else -> f++ fi
  :: else -> break
  od;
  assert(f <= (s + 1) * FOLDERS);
  maker[f] = job;
  change(s, stepName[s], f, goneName[s])
}

inline create(g, file)   { files[g] = files[g] | file; maybe[g] = maybe[g] | file }
inline fill(g, file)     { content[g] = content[g] | file }
inline syncFile(g, file) { durable[g] = durable[g] | file }
inline syncFolder(g)     { sure[g] = files[g]; maybe[g] = files[g] }
inline unlink(g, file)   { files[g] = files[g] & (15 - file); sure[g] = sure[g] & (15 - file) }

/* [removeTree] of a hidden folder: file by file, then the folder. */
#define REMOVE_TEMPORARY(s) \
  if \
  :: up && job == mine && tmpName[s] != 0 -> \
     STEP(unlink(tmpName[s], MANIFEST)); \
     STEP(if :: tmpName[s] != 0 -> \
            unlink(tmpName[s], 15); change(s, stepName[s], 0, goneName[s]) :: else fi) \
  :: else \
  fi
#define REMOVE_GONE(s) \
  if \
  :: up && job == mine && goneName[s] != 0 -> \
     STEP(unlink(goneName[s], MANIFEST)); \
     STEP(if :: goneName[s] != 0 -> \
            unlink(goneName[s], 15); change(s, stepName[s], tmpName[s], 0) :: else fi) \
  :: else \
  fi

/* ---------------------------------------------------------------- reading */

/* [CheckpointEntry(isVerifying: false)] Manifest and lengths. */
#define LOOKS_COMPLETE(s) (stepName[s] != 0 && (files[stepName[s]] & WHOLE) == WHOLE \
  && (content[stepName[s]] & WHOLE) == WHOLE)
/* [CheckpointReader.problems] Every checksum. */
#define IS_WHOLE(s) (LOOKS_COMPLETE(s) && !rotten[stepName[s]])

/* [RetentionPolicy.expendable] with `keepLast` 1: what stays, as bits of steps. */
inline decide(justWritten) {
  keep = 0; keepBest = STEPS; keepWhole = STEPS; newest = STEPS; a = STEPS;
  do
  :: a > 0 ->
     a--;
     if
     :: LOOKS_COMPLETE(a) ->
        if :: newest == STEPS -> newest = a; keep = keep | (1 << a) :: else fi;
        if
        :: scored[stepName[a]] && (keepBest == STEPS || score[a] > score[keepBest]) -> keepBest = a
        :: else
        fi
     :: else
     fi
  :: else -> break
  od;
  if :: justWritten < STEPS -> keep = keep | (1 << justWritten) :: else fi;
#ifndef FAULT_PRUNES_BEST
  if :: keepBest < STEPS -> keep = keep | (1 << keepBest) :: else fi;
#endif
  a = 0; newest = 0; keepBest = 0; keepWhole = 0
}

/* [CheckpointStore.prune] The newest whole one stays too if none of the others that stay is whole. */
inline decideSafely() {
  decide(STEPS);
  holds = false; a = 0; c = STEPS;
  do
  :: a < STEPS ->
     if
     :: IS_WHOLE(a) ->
        if :: (keep & (1 << a)) != 0 -> holds = true :: else -> c = a fi
     :: else
     fi;
     a++
  :: else -> break
  od;
  if :: !holds && c < STEPS -> keep = keep | (1 << c) :: else fi;
  a = 0; c = 0; holds = false
}

/* [CheckpointStore.remove] of every one that does not stay. */
#define REMOVE_EXPENDABLE \
  i = 0; \
  do \
  :: i < STEPS -> \
     if \
     :: (kept & (1 << i)) == 0 && LOOKS_COMPLETE(i) -> \
        REMOVE_GONE(i); \
        HIDE(i); \
        REMOVE_GONE(i) \
     :: else \
     fi; \
     i++ \
  :: else -> break \
  od; \
  i = 0; kept = 0

#ifdef FAULT_REMOVES_BEFORE_RENAME
#define HIDE(s) \
  STEP(unlink(stepName[s], MANIFEST)); \
  STEP(unlink(stepName[s], 15); change(s, 0, tmpName[s], goneName[s]))
#else
#define HIDE(s) STEP(change(s, 0, tmpName[s], stepName[s]))
#endif

/* ---------------------------------------------------------------- rank 1's writer */

/* [CheckpointWriter.write(_:share:)] on a rank other than 0, for one checkpoint. It may outlive its
 * job, and finds its folder by name each time; names of temporary folders differ from job to job. */
#ifdef FAULT_SHARED_TEMPORARY
#define OWN(g) (g != 0)
#else
#define OWN(g) (g != 0 && maker[g] == mine)
#endif

proctype Writer1(byte mine; byte began; byte s) {
  byte g = 0; byte by = 0;
  /* [waitForFolder; OutputFile.init] O_EXCL: another's file there is an error. */
  if
  :: d_step { boot == began && OWN(tmpName[s]) && (files[tmpName[s]] & SHARD1) == 0 ->
       g = tmpName[s]; by = maker[g]; create(g, SHARD1); judge() }
  :: d_step { boot != began || !OWN(tmpName[s]) || (files[tmpName[s]] & SHARD1) != 0 -> skip };
     goto down
  fi;
#ifdef FAULT_PART_BEFORE_FSYNC
  goto part;
#endif
write:
  /* [OutputFile.append] What is written into a removed folder's file goes nowhere. */
  if
  :: d_step { boot == began && maker[g] == by && (files[g] & SHARD1) != 0 ->
       fill(g, SHARD1); judge() }
  :: else -> skip
  fi;
  /* [OutputFile.finish] */
  if
  :: d_step { boot == began && maker[g] == by && (files[g] & SHARD1) != 0 ->
       syncFile(g, SHARD1); judge() }
  :: else -> skip
  fi;
#ifdef FAULT_PART_BEFORE_FSYNC
  goto done;
#endif
part:
  /* [writePart] Written under another name and renamed, so it is there whole or not at all. */
  if
  :: d_step { boot == began && OWN(tmpName[s]) -> create(tmpName[s], PART); judge() }
  :: else -> goto down
  fi;
#ifdef FAULT_PART_BEFORE_FSYNC
  goto write;
#endif
done:
down:
  skip;
  d_step {
    shares--;
    if :: boot == began && job == mine -> busy1 = false :: else fi
  }
}

/* ---------------------------------------------------------------- rank 0's writer */

/* [CheckpointWriter.write(_:share:)] on rank 0, [finish], [commit], [prune]. */
active proctype Writer0() {
  byte mine = 0; byte s = 0; byte i = 0; byte kept = 0; bool isScored = false;

idle:
  skip;
  d_step { mine = 0; s = 0; i = 0; kept = 0; isScored = false; idle0 = true };
  if
  :: atomic { up && ordered ->
       ordered = false; idle0 = false; mine = job; s = orderedStep; isScored = orderedScored;
       orderedStep = 0; orderedScored = false }
  fi;

  /* [writeShards] */
  STEP(create(tmpName[s], SHARD0); fill(tmpName[s], SHARD0));
#ifndef FAULT_RENAME_BEFORE_FSYNC
  STEP(syncFile(tmpName[s], SHARD0));
#endif

  /* [waitForPart] The part is read and removed; or it does not come in time. */
  if
  :: d_step { up && job == mine && (files[tmpName[s]] & PART) != 0 ->
       unlink(tmpName[s], PART); judge() }
  :: up && job == mine && (files[tmpName[s]] & PART) == 0 ->
     /* [cleaningUp] The error ends the job. */
     REMOVE_TEMPORARY(s);
     d_step { up && job == mine -> up = false; busy0 = false; busy1 = false };
     goto idle
  :: !(up && job == mine) -> goto down
  fi;

  /* [finish: writeFile(manifest)] */
  STEP(create(tmpName[s], MANIFEST); fill(tmpName[s], MANIFEST); scored[tmpName[s]] = isScored);
  STEP(syncFile(tmpName[s], MANIFEST));
  /* [finish: syncFolder(temporary)] */
#ifndef FAULT_NO_FOLDER_FSYNC
  STEP(syncFolder(tmpName[s]));
#endif

#ifdef FAULT_PRUNES_BEFORE_COMMIT
  STEP(decide(s); kept = keep; keep = 0);
  REMOVE_EXPENDABLE;
#endif

  /* [commit] */
  if
  :: !(up && job == mine) -> goto down
  :: up && job == mine && stepName[s] == 0 ->
     /* [move(temporary, to: path)] */
     STEP(change(s, tmpName[s], 0, goneName[s]));
#ifdef FAULT_RENAME_BEFORE_FSYNC
     STEP(syncFile(stepName[s], SHARD0));
#endif
#ifndef FAULT_NO_PARENT_FSYNC
     STEP(syncParent());
#endif
  :: up && job == mine && stepName[s] != 0 ->
     if
     :: d_step { IS_WHOLE(s) && (scored[stepName[s]] == isScored
#ifndef FAULT_UNSCORED_REPLACES
          || scored[stepName[s]]
#endif
          || !EXCHANGE) -> skip };
        /* [leave] The name may be another job's that did not come to its fsync. */
        REMOVE_TEMPORARY(s);
        STEP(syncParent());
     :: else ->
        if
        :: EXCHANGE ->
           /* [exchange(temporary, path)] */
           STEP(change(s, tmpName[s], stepName[s], goneName[s]));
           STEP(syncParent());
           REMOVE_TEMPORARY(s)
        :: else ->
           /* A damaged one moves out of the way. */
           REMOVE_GONE(s);
           STEP(change(s, 0, tmpName[s], stepName[s]));
           STEP(change(s, tmpName[s], 0, goneName[s]));
           STEP(syncParent());
           REMOVE_GONE(s)
        fi
     fi
  fi;

  /* P5, as long as nothing damages it. */
  STEP(committed = true; assertSafe(s));

  /* [CheckpointWriter.prune] */
#ifndef FAULT_PRUNES_BEFORE_COMMIT
  STEP(decide(s); kept = keep; keep = 0);
  REMOVE_EXPENDABLE;
#endif
  STEP(busy0 = false);
  goto idle;

down:
  goto idle
}

/* ---------------------------------------------------------------- the training threads */

/* All ranks' training threads are one process here: what they do around a checkpoint is collective
 * [Communicator.together]. One job after another. */
active proctype Training() {
  byte mine = 0; byte s = 0; byte i = 0; byte kept = 0; bool isScored = false; bool isFresh = false;

begin:
  skip;
  d_step { mine = 0; s = 0; i = 0; kept = 0; isScored = false; isFresh = false };
  if
  :: job == JOBS -> goto end
    :: atomic { job < JOBS && !up -> up = true; job++; mine = job;
       busy0 = false; busy1 = false; ordered = false; orderedStep = 0; orderedScored = false }
  fi;

  /* What the job is: a run, or `edgewise checkpoint prune`. */
  if
  :: skip
  :: committed ->
     /* [CheckpointPrune, CheckpointStore.prune] */
#ifndef FAULT_PRUNE_COMMAND_UNSYNCED
     STEP(syncParent());
#endif
     STEP(isPruning = true; decideSafely(); kept = keep; keep = 0);
     REMOVE_EXPENDABLE;
     goto stop
  fi;

  /* [CheckpointStore.removeLeftovers] First what moved them out of sight is brought to the disk. */
#ifndef FAULT_KEEPS_LEFTOVERS
#ifndef FAULT_LEFTOVERS_UNSYNCED
  STEP(syncParent());
#endif
  i = 0;
  do
  :: i < STEPS -> REMOVE_TEMPORARY(i); REMOVE_GONE(i); i++
  :: else -> break
  od;
#ifndef FAULT_SHARED_TEMPORARY
  /* The folders of earlier jobs' writers are gone, so these can only end. */
  if
  :: up && job == mine && shares == 0
  :: !(up && job == mine) -> goto down
  fi;
#endif
#endif

  /* [Trainer.start, CheckpointStore.newestVerified] */
  if
  :: d_step { up && job == mine ->
       s = STEPS; i = STEPS;
       do
       :: i > 0 ->
          i--;
#ifdef FAULT_RESUMES_UNVERIFIED
          if :: s == STEPS && stepName[i] != 0 -> s = i :: else fi
#else
          if :: s == STEPS && IS_WHOLE(i) -> s = i :: else fi
#endif
       :: else -> break
       od;
       i = 0;
       /* P6 */
       assert(s < STEPS || newestSure == 0);
       assert(s == STEPS || (IS_WHOLE(s) && s + 1 >= newestSure));
       if :: s == STEPS -> isFresh = true; s = 0 :: else fi }
  :: atomic { up && job == mine && committed ->
       /* `--resume PATH`: any whole one. [CheckpointReader.readAll] compares every checksum. */
       s = 0;
       do
       :: s < STEPS - 1 -> s++
       :: break
       od;
       if :: !IS_WHOLE(s) -> s = 0; goto stop :: else fi }
  :: else -> goto down
  fi;
  if
  :: isFresh -> goto save
  :: else
  fi;

loop:
  if
  :: !(up && job == mine) -> goto down
  :: up && job == mine && s < STEPS - 1 ->
     s++;
     /* A step is not saved, or saved; with its score where it was evaluated. */
     if
     :: goto loop
     :: isScored = false; goto save
     :: isScored = true; goto evaluate
     fi
  :: atomic { up && job == mine && again < AGAIN -> again++ };
     if :: isScored = false; goto save :: isScored = true; goto evaluate fi
  :: up && job == mine && !busy0 && !busy1 -> goto stop
  fi;

evaluate:
  /* [Trainer.evaluate] The same weights have the same score each time. */
  if
  :: score[s] == 0 -> if :: score[s] = 1 :: score[s] = 2 fi
  :: else
  fi;
save:
  /* [Trainer.save] One that comes early is left out, or waits. */
#ifndef FAULT_SAVES_WHILE_BUSY
  if
  :: (busy0 || busy1) && !isScored && !isFresh -> goto loop
  :: !busy0 && !busy1
  :: !(up && job == mine) -> goto down
  fi;
#endif
  /* P7 */
  STEP(assert(!busy0 && !busy1));

  /* [CheckpointWriter.prepare] Until there is a checkpoint, all folders above are synced. */
  if
  :: above != safe ->
     STEP(if :: above == absent -> above = made :: else fi);
#ifdef FAULT_FOLDER_SYNCED_ONCE
     if :: isFresh && job > 1 -> goto prepared :: else fi;
#endif
     STEP(above = safe)
  :: else
  fi;
prepared:
#ifndef FAULT_KEEPS_LEFTOVERS
  REMOVE_TEMPORARY(s);
  STEP(makeTemporary(s));
#else
  STEP(if :: tmpName[s] == 0 -> makeTemporary(s) :: else -> maker[tmpName[s]] = job fi);
#endif

  /* [BackgroundCheckpointWriter.submit] on all ranks. */
  atomic {
    if
    :: up && job == mine ->
       busy0 = true; busy1 = true; ordered = true; orderedStep = s; orderedScored = isScored;
       shares++;
       run Writer1(mine, boot, s);
       isScored = false
    :: else -> goto down
    fi
  };
  if
  :: isFresh ->
     /* [finishWriting] A first checkpoint finds out now whether the disk takes them. */
     if
     :: !busy0 && !busy1
     :: !(up && job == mine) -> goto down
     fi;
     isFresh = false
  :: else
  fi;
  goto loop;

stop:
  /* [finishWriting], or an error before anything was written. */
  atomic { if :: up && job == mine -> up = false :: else fi };
down:
  isPruning = false;
  goto begin;
end:
  skip
}

/* ---------------------------------------------------------------- what may happen */

/* What is left of a folder: all that may be, or what is sure to be. Readers ask only whether it is
 * whole; of one that is not, nothing more is said. */
inline choose(g) {
  if
  :: g != 0 && (maybe[g] != sure[g] || (content[g] & maybe[g]) != (durable[g] & maybe[g])) ->
     if
     :: files[g] = maybe[g]; durable[g] = content[g] & maybe[g]
     :: files[g] = maybe[g]; durable[g] = durable[g] & maybe[g]
     :: files[g] = sure[g]; durable[g] = durable[g] & sure[g]
     :: files[g] = (maybe[g] & (15 - SHARD1)) | sure[g]; durable[g] = content[g] & files[g]
     fi
  :: g != 0 && maybe[g] == sure[g] && (content[g] & maybe[g]) == (durable[g] & maybe[g]) ->
     files[g] = sure[g]
  :: else
  fi;
  d_step {
    if
    :: g != 0 ->
       if :: (files[g] & durable[g] & WHOLE) != WHOLE -> remains[g] = true :: else fi;
       sure[g] = files[g]; maybe[g] = files[g]; content[g] = durable[g]
    :: else
    fi
  }
}

inline endJob() {
  up = false; busy0 = false; busy1 = false; ordered = false; orderedStep = 0; orderedScored = false
}

/* A folder that is whole, and sure to be there. */
#define IS_SURE(s) (pastCount[s] == 0 && IS_WHOLE(s) && (sure[stepName[s]] & WHOLE) == WHOLE \
  && (durable[stepName[s]] & WHOLE) == WHOLE)

active proctype Fate() {
  byte s = 0; byte n = 0; byte other = 0;
  do
  /* Rank 0 ends; `mpirun` ends the others some time later, or cannot reach them. */
  :: d_step { up && job < JOBS -> endJob() }

  /* The power fails. */
  :: atomic { job > 0 && job < JOBS && boot < job ->
       endJob(); boot = job;
       s = 0;
       do
       :: s < STEPS ->
          /* Which of the states since the last fsync its names are in. */
          n = s * PAST;
          do
          :: n < s * PAST + pastCount[s] ->
             if
             :: n++
             :: stepName[s] = pastStep[n]; tmpName[s] = pastTmp[n]; goneName[s] = pastGone[n]; break
             fi
          :: n == s * PAST + pastCount[s] -> break
          od;
          n = 0;
          d_step { forgetPast(s); clearUnused(s) };
          choose(stepName[s]);
          choose(tmpName[s]);
          choose(goneName[s]);
          s++
       :: else -> break
       od;
       s = 0;
       if
       :: above == made ->
          if
          :: above = safe
          :: d_step {
               above = absent; a = 0;
               do
               :: a < STEPS ->
                  stepName[a] = 0; tmpName[a] = 0; goneName[a] = 0; clearUnused(a); a++
               :: else -> break
               od;
               a = 0 }
          fi
       :: else
       fi;
       d_step { judge() } }

  /* A checkpoint that lies on the disk becomes damaged, while another whole one is there; not between
   * the moment in which a removal has found which are whole and its end. */
  :: atomic { damages < ROT && committed && !busy0 && !isPruning ->
       do
       :: s < STEPS - 1 -> s++
       :: break
       od;
       if
       :: IS_SURE(s) ->
          d_step {
            n = 0; other = 0;
            do
            :: n < STEPS -> if :: n != s && IS_SURE(n) -> other = n + 1 :: else fi; n++
            :: else -> break
            od;
            n = 0;
            if
            :: other > 0 ->
               damages++;
               rotten[stepName[s]] = true;
               if :: newestSure == s + 1 -> newestSure = other :: else fi;
               if :: scored[stepName[s]] -> bestIsOff = true :: else fi
            :: else
            fi;
            other = 0; s = 0;
            judge() }
       :: else -> s = 0
       fi }
  :: job == JOBS && !up -> break
  od
}

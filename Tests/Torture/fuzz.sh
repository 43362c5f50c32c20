#!/usr/bin/env bash
# libFuzzer with the address sanitizer on every decoder of bytes from outside: frames, messages, rows, records, notes.
#   Tests/Torture/fuzz.sh [target...]     all of them, unless some are named
#   COUNT=n    executions for each; 10 million, 20 thousand with QUICK=1, and for `definitions`, whose text is slow, a hundredth
#   SEEDS=n    libFuzzer's seed; else 1
# What it learnt stays in .build/fuzz-corpus, so that the next run begins where this one ended. A finding is an input, kept beside it:
# `APUS_FUZZ_TARGET=push .build/fuzz/release/ApusFuzz FILE` plays it again.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

count=${COUNT:-$([ -n "${QUICK:-}" ] && echo 20000 || echo 10000000)}
seed=${SEEDS:-1} seed=${seed%%,*}
corpus=.build/fuzz-corpus
program=.build/fuzz/release/ApusFuzz
mkdir -p "$corpus"

# Not `--sanitize fuzzer --sanitize address`: of two flags the compiler takes the last, and a fuzzer that sees no edges is blind.
build() {
  APUS_FUZZ=1 swift build -c release --scratch-path .build/fuzz --target ApusFuzz -Xswiftc -sanitize=fuzzer,address \
    -Xcc -fsanitize=address,fuzzer-no-link &&
    find .build/fuzz/release/{ApusFuzz,ApusStore,ApusHistory,ApusColumnar,ApusIndex,ApusLog,ApusSystem,ApusWire,ApusContracts,ApusBytes,CChecksum,CCrashMark}.build \
      -name '*.o' -print0 | xargs -0 swiftc -sanitize=fuzzer,address -llmdb -lyaml -lzstd -lz -o "$program"
}
if ! build >"$corpus/build.txt" 2>&1; then
  cat "$corpus/build.txt"
  echo "fuzz: the build FAILED"
  exit 1
fi

# Without a target the program names all of them.
mapfile -t targets < <(APUS_FUZZ_TARGET='' "$program" -runs=0 2>&1 | grep '^header ' | tr ' ' '\n')
if [ "${#targets[@]}" -lt 30 ]; then
  echo "fuzz: only ${#targets[@]} targets are there"
  exit 1
fi
[ $# -gt 0 ] && targets=("$@")

# The golden messages as first inputs: bodies for their own decoder, whole frames for the header's.
python3 Tests/Torture/fuzz_seeds.py "$corpus" || exit 1

child=
trap 'if [ -n "$child" ]; then kill -TERM "$child" 2>/dev/null; wait "$child"; fi; exit 130' INT TERM
total=0 findings=0
for target in "${targets[@]}"; do
  inputs=$corpus/$target log=$corpus/$target.txt runs=$count
  mkdir -p "$inputs"
  [ "$target" = definitions ] && runs=$((count / 100))
  APUS_FUZZ_TARGET=$target ASAN_OPTIONS=detect_leaks=0 "$program" -runs="$runs" -seed="$seed" -max_len=4096 \
    -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=256 -print_final_stats=1 \
    -artifact_prefix="$corpus/$target-" "$inputs" >"$log" 2>&1 &
  child=$!
  wait "$child"
  status=$?
  child=
  done=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  speed=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
  covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
  if [ "$status" -eq 0 ] && [ "${covered:-0}" -lt 20 ]; then
    echo "$target: the fuzzer sees ${covered:-no} edges: the program is not instrumented"
    status=1
  fi
  total=$((total + ${done:-0}))
  if [ "$status" -ne 0 ] || [ "${done:-0}" -lt "$runs" ]; then
    findings=$((findings + 1))
    tail -n 40 "$log"
    echo "$target: FOUND something after ${done:-?} executions"
  else
    echo "$target: $done executions, $speed a second, $covered edges"
  fi
done
echo "fuzz: $total executions of ${#targets[@]} decoders, $findings findings"
[ "$findings" -eq 0 ]

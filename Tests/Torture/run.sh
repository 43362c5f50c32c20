#!/usr/bin/env bash
# Runs every attack and the long simulation, one after another, and ends in `N passed, N failed` (and `, N skipped`).
#   SEEDS=1,2   the lives to attack, and the first seeds of the simulation, instead of each attack's own
#   COUNT=n     how many cuts, kills, lives or broken stores; of kills and errors at every call: the most for one call; of the
#               simulation and the oracle: seeds
#   QUICK=1     a short version, one to two minutes
#   ONLY=name   one attack: kills, errors, moments, power, full, reader, simulation, oracle, export, bits, spark, threads; of a whole store: store-kills,
#               store-errors, store-moments, store-power, store-full, store-damage; of a file's readers: streams; of a server: client, server-kill, server-mutations,
#               server-slow, server-flood, server-limits, server-tokens; of every decoder: fuzz
# Each attack also runs alone: Tests/Torture/power_cut.py. What fails prints how to do it again.
set -u

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
results=.build/torture-results
mkdir -p "$results"

passed=0 failed=0 skipped=0 table=

# Ends the attack that runs, which cleans up after itself.
child=
trap 'if [ -n "$child" ]; then kill -TERM "$child" 2>/dev/null; wait "$child"; fi; exit 130' INT TERM

attack() { # name, its words in the table, command...
  local name=$1 title=$2 log=$results/$1.txt began seconds status outcome summary
  shift 2
  if [ -n "${ONLY:-}" ] && [ "$ONLY" != "$name" ]; then return; fi
  echo "== $title"
  began=$(date +%s.%N)
  "$@" > >(tee "$log") 2>&1 &
  child=$!
  wait "$child"
  status=$?
  child=
  seconds=$(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }')
  summary=$(tail -n 1 "$log")
  if [ "$status" -ne 0 ]; then
    outcome=FAILED
    failed=$((failed + 1))
  elif grep -q '^skipped: ' "$log"; then
    outcome=skipped
    summary=$(grep -m 1 '^skipped: ' "$log")
    skipped=$((skipped + 1))
  else
    outcome=passed
    passed=$((passed + 1))
  fi
  table+=$(printf '%-28s %-8s %8s s   %s' "$title" "$outcome" "$seconds" "${summary#"$title": }")$'\n'
}

# Stories of which each is a seed, counted from a first one; SEEDS=7 is one seed, SEEDS=7,9 are three.
stories() { # name, its tests, how many, how many in a short version
  local name=$1 suite=$2 variable=APUS_${1^^}_FIRST_SEED last count
  local first=${!variable:-1}
  count=${COUNT:-$([ -n "${QUICK:-}" ] && echo "$4" || echo "$3")}
  if [ -n "${SEEDS:-}" ]; then
    first=$(tr -s ', ' '\n' <<<"$SEEDS" | sort -n | head -n 1)
    last=$(tr -s ', ' '\n' <<<"$SEEDS" | sort -n | tail -n 1)
    count=$((last - first + 1))
  fi
  env "$variable=$first" "APUS_${name^^}_SEEDS=$count" \
    swift test -c release --skip-build --disable-xctest --filter "$suite" >"$results/$name-log.txt" 2>&1
  local status=$?
  if [ "$status" -ne 0 ]; then grep -vE '^(◇|✔|➜)' "$results/$name-log.txt"; fi
  echo "$name: $(grep -E "^$name: " "$results/$name-log.txt" | tail -n 1 | cut -d' ' -f2-)"
  return "$status"
}

# Every bit of a segment of 64 KiB, of a manifest and of CURRENT, flipped one at a time.
bits() {
  local all=1
  [ -n "${QUICK:-}" ] && all=
  env ${all:+APUS_ALL_BITS=1} swift test -c release --skip-build --disable-xctest --filter DamageTests \
    >"$results/bits-log.txt" 2>&1
  local status=$?
  if [ "$status" -ne 0 ]; then grep -vE '^(◇|✔|➜)' "$results/bits-log.txt"; fi
  echo "every bit: $(grep -E '^damage: ' "$results/bits-log.txt" | tail -n 1 | cut -c9-)"
  return "$status"
}

# The threads of log, overlay and store under the thread sanitizer, in a build of its own.
threads() {
  if ! swift build -c release --sanitize=thread --scratch-path .build/tsan --build-tests >"$results/tsan-build.txt" 2>&1; then
    cat "$results/tsan-build.txt"
    return 1
  fi
  APUS_STORE_ROUNDS=${COUNT:-$([ -n "${QUICK:-}" ] && echo 1500 || echo 20000)} \
    swift test -c release --sanitize=thread --scratch-path .build/tsan --skip-build --disable-xctest \
    --filter 'ConcurrencyTests|AppenderTests|ScanDuringWritingTests|MonitorTests|StoreTests\.StoreTests' >"$results/tsan-log.txt" 2>&1
  local status=$?
  if [ "$status" -ne 0 ] || grep -q 'WARNING: ThreadSanitizer' "$results/tsan-log.txt"; then
    grep -vE '^(◇|✔|➜)' "$results/tsan-log.txt"
    status=1
  fi
  echo "threads: $(grep -E 'Test run with' "$results/tsan-log.txt" | tail -n 1), no report of the sanitizer"
  return "$status"
}

# Arrow streams changed at random, and read.
streams() {
  local seed=1
  if [ -n "${SEEDS:-}" ]; then seed=$(tr -s ', ' '\n' <<<"$SEEDS" | head -n 1); fi
  APUS_COLUMNAR_SEED=$seed APUS_COLUMNAR_MUTATIONS=${COUNT:-$([ -n "${QUICK:-}" ] && echo 500000 || echo 10000000)} \
    swift test -c release --skip-build --disable-xctest --filter 'ArrowDamageTests/mutations' >"$results/streams-log.txt" 2>&1
  local status=$?
  if [ "$status" -ne 0 ]; then grep -vE '^(◇|✔|➜)' "$results/streams-log.txt"; fi
  echo "Arrow streams: $(grep -E '^arrow mutations: ' "$results/streams-log.txt" | tail -n 1 | cut -c18-)"
  return "$status"
}

# Our Parquet files under Spark, in an environment of its own: 450 MB from PyPI, and Debian's Java.
spark() {
  local place=.build/spark
  if ! command -v java >/dev/null && ! apt-get install -y --no-install-recommends default-jre-headless >"$results/spark-java.txt" 2>&1; then
    echo "skipped: no java, and default-jre-headless cannot be installed: $results/spark-java.txt"
    return 0
  fi
  if [ ! -x .build/python/bin/python ]; then
    echo "skipped: no .build/python: Tests/Python/setup.sh says why"
    return 0
  fi
  # The stamp is written last, so an environment that has it is complete.
  if [ "$(cat "$place/stamp" 2>/dev/null)" != "$1" ]; then
    rm -rf "$place"
    if ! { python3 -m venv "$place" && "$place/bin/pip" install --quiet "$1"; } >"$results/spark-pip.txt" 2>&1; then
      echo "skipped: $1 cannot be installed: $results/spark-pip.txt"
      return 0
    fi
    echo "$1" >"$place/stamp"
  fi
  env APUS_SPARK_PYTHON="$PWD/$place/bin/python" swift test -c release --skip-build --disable-xctest --filter ParquetSparkTests \
    >"$results/spark-log.txt" 2>&1
  local status=$?
  if [ "$status" -ne 0 ]; then grep -vE '^(◇|✔|➜)' "$results/spark-log.txt"; fi
  echo "spark: $(grep -E '^spark: ' "$results/spark-log.txt" | cut -c8- | paste -sd ';')"
  return "$status"
}

echo "build (release)"
if ! swift build -c release --build-tests >"$results/build.txt" 2>&1; then
  cat "$results/build.txt"
  echo "the build FAILED, so nothing was attacked"
  echo "0 passed, 1 failed"
  exit 1
fi

attack kills "kill at every call" Tests/Torture/kill_at_every_call.py
attack errors "errors at every call" Tests/Torture/errors_at_every_call.py
attack moments "kill at any moment" Tests/Torture/kill_at_any_moment.py
attack power "power cut" Tests/Torture/power_cut.py
attack full "disk full" Tests/Torture/disk_full.py
attack store-kills "store, kill at every call" Tests/Torture/kill_at_every_call.py store
attack store-errors "store, errors at every call" Tests/Torture/errors_at_every_call.py store
attack store-moments "store, kill at any moment" Tests/Torture/kill_at_any_moment.py store
attack store-power "store, power cut" Tests/Torture/power_cut.py store
attack store-full "store, disk full" Tests/Torture/disk_full.py store
attack store-damage "store, damage" Tests/Torture/damage.py
attack reader "independent reader" Tests/Torture/independent_reader_test.py
attack client "independent client" Tests/Torture/wire_test.py
attack server-kill "server, kill under load" Tests/Torture/server_kill.py
attack server-mutations "server, mutated sessions" Tests/Torture/server_mutations.py
attack server-slow "server, slow callers" Tests/Torture/server_slow.py
attack server-flood "server, floods" Tests/Torture/server_flood.py
attack server-limits "server, limits" Tests/Torture/server_limits.py
attack server-tokens "server, tokens" Tests/Torture/server_tokens.py
attack simulation "simulation" stories simulation SimulationTests 10000 200
attack oracle "oracle" stories oracle OracleTests 100000 4000
attack export "training sets" stories export ExportStoryTests 50000 1000
attack bits "every bit" bits
attack streams "Arrow streams" streams
attack spark "spark" spark pyspark==4.0.1
attack threads "thread sanitizer" threads
attack fuzz "fuzzed decoders" Tests/Torture/fuzz.sh

echo
printf '%s' "$table"
if [ $((passed + failed + skipped)) -eq 0 ]; then
  echo "no attack is called ${ONLY:-}"
  failed=1
fi
echo "what was said: $results"
echo "$passed passed, $failed failed$([ "$skipped" -gt 0 ] && echo ", $skipped skipped")"
[ "$failed" -eq 0 ]

#!/usr/bin/env bash
# Runs lint, every Swift test and those of the Python client, shows whatever fails in full, and ends in `N passed, N failed`.
#   FILTER=regex   only the Swift tests whose name (Module.Suite/test) matches; FILTER=python-client: only the client's
#   VERBOSE=1      everything the tests say, as they say it
# Fails when anything fails, and also when no test ran or the tests did not come to their end.
set -u

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
results=.build/test-results
log=$results/log.txt
mkdir -p "$results"
rm -f "$results"/*.xml
began=$(date +%s.%N)

end_with() { # passed, failed, skipped
  local skipped=
  if [ "$3" -gt 0 ]; then skipped=", $3 skipped"; fi
  echo "everything that was said: $log"
  echo "took $(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f s", b - a }')"
  echo "$1 passed, $2 failed$skipped"
  if [ "$2" -gt 0 ]; then exit 1; fi
  exit 0
}

# Swift Testing's report: one <testcase> per test, its module first in classname; a failed or skipped one has a child.
# All tests start together, so a test's time says little by itself; the slowest of a module bounds them.
tally() {
  cat "$results"/*.xml 2>/dev/null | awk '
    /<testcase / {
      module = $0; sub(/.*classname="/, "", module); sub(/[."].*/, "", module)
      time = $0; sub(/.* time="/, "", time); sub(/".*/, "", time)
      count[module]++
      if (time + 0 > slowest[module]) slowest[module] = time + 0
      outcome = ""
    }
    /<failure/ && outcome == "" { failed[module]++; outcome = "failed" }
    /<skipped/ && outcome == "" { skipped[module]++; outcome = "skipped" }
    END {
      for (module in count)
        printf "%s %d %d %d %.1f\n", module, count[module], failed[module], skipped[module], slowest[module]
    }' | sort
}

# Everything but the lines about tests that start, pass or are skipped, with what these quote of their arguments.
show_failures() {
  awk '
    /^(◇|✔|➜)/ { quiet = 1; next }
    /^(✘|↳|⚠|error:|\*\*\* )|Fatal error:|[Cc]rashed/ { quiet = 0 }
    /^↳ (Testing Library Version|Target Platform)/ { next }
    !quiet' "$log"
}

# The tests that started and never ended, when the process died under them.
show_unfinished() {
  awk '
    /^◇ Test / && / started\.$/ { name = $0; sub(/^◇ /, "", name); sub(/ started\.$/, "", name); open[name] = 1 }
    /^(✔|✘) Test / && / (passed|failed) after / {
      name = $0; sub(/^(✔|✘) /, "", name); sub(/ (passed|failed) after .*/, "", name); sub(/ with [0-9]+ test cases?$/, "", name)
      delete open[name]
    }
    END { for (name in open) if (name !~ /^Test run/) print "  " name }' "$log" | sort
}

echo "lint"
lint_failed=0
Tests/format.sh --check || lint_failed=1

# Mostly a download, so it goes on while the compiler works. Where it fails, tests are skipped and say so.
(Tests/Python/setup.sh; Clients/python/test.sh setup) &
python=$!

echo "build (release, with tests)"
if ! swift build -c release --build-tests >"$log" 2>&1; then
  wait "$python"
  cat "$log"
  echo
  echo "the build FAILED, so no test ran"
  end_with 0 $((1 + lint_failed)) 0
fi

wait "$python"

# The Python client's tests drive the program that was built. Their last line is `N passed, N failed`, perhaps `, N skipped`.
client_passed=0 client_failed=0 client_skipped=0 client_status=0
test_client() {
  local said=$results/python-client.txt last
  echo "test the Python client"
  if [ -n "${VERBOSE:-}" ]; then
    Clients/python/test.sh 2>&1 | tee "$said"
    client_status=${PIPESTATUS[0]}
  else
    Clients/python/test.sh >"$said" 2>&1
    client_status=$?
  fi
  last=$(tail -n 1 "$said")
  if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
    client_passed=${BASH_REMATCH[1]} client_failed=${BASH_REMATCH[2]} client_skipped=${BASH_REMATCH[4]:-0}
  fi
  # What fails outside any test counts as one.
  if [ "$client_status" -ne 0 ] && [ "$client_failed" -eq 0 ]; then client_failed=1; fi
  if [ -z "${VERBOSE:-}" ] && [ $((client_failed + client_skipped)) -gt 0 ]; then cat "$said"; fi
}

if [ "${FILTER:-}" = python-client ]; then
  test_client
  end_with "$client_passed" $((client_failed + lint_failed)) "$client_skipped"
fi

echo "test"
command=(swift test -c release --skip-build --disable-xctest --xunit-output "$results/tests.xml")
if [ -n "${FILTER:-}" ]; then command+=(--filter "$FILTER"); fi
if [ -n "${VERBOSE:-}" ]; then
  "${command[@]}" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
else
  "${command[@]}" >"$log" 2>&1
  status=$?
fi

passed=0 failed=0 skipped=0 rows=
while read -r module tests bad omitted slowest; do
  row=$(printf '%-20s %5d %-5s   slowest %6s s' "$module" "$tests" "$([ "$tests" -eq 1 ] && echo test || echo tests)" "$slowest")
  if [ "$bad" -gt 0 ]; then row+="   $bad FAILED"; fi
  if [ "$omitted" -gt 0 ]; then row+="   $omitted skipped"; fi
  rows+=$row$'\n'
  passed=$((passed + tests - bad - omitted))
  failed=$((failed + bad))
  skipped=$((skipped + omitted))
done < <(tally)

if [ "$status" -ne 0 ] && [ -z "${VERBOSE:-}" ]; then
  echo
  show_failures
fi
# A filter is one of Swift tests, and the client has none of these.
if [ -z "${FILTER:-}" ]; then
  test_client
  rows+=$(printf '%-20s %5d tests' "Clients/python" $((client_passed + client_failed + client_skipped)))
  if [ "$client_failed" -gt 0 ]; then rows+="   $client_failed FAILED"; fi
  if [ "$client_skipped" -gt 0 ]; then rows+="   $client_skipped skipped"; fi
  rows+=$'\n'
fi
echo
printf '%s' "$rows"

# What fails outside any test (lint, a crash, a filter that matches nothing) counts as one each.
if [ "$lint_failed" -ne 0 ]; then
  echo "lint FAILED; see the top (\`make format\` mends most of it)"
  failed=$((failed + 1))
fi
if [ $((passed + failed + skipped - lint_failed)) -eq 0 ]; then
  failed=$((failed + 1))
  if [ "$status" -ne 0 ]; then
    echo "the tests DIED (exit code $status); these had begun and did not end:"
    show_unfinished
  else
    echo "no test ran${FILTER:+: nothing matches FILTER=$FILTER}"
  fi
elif [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
  failed=1
  echo "every test passed and yet the run FAILED (exit code $status)"
fi
end_with $((passed + client_passed)) $((failed + client_failed)) $((skipped + client_skipped))

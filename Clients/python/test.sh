#!/usr/bin/env bash
# Checks the Python client: ruff, mypy, and its tests against the real server. Ends in `N passed, N failed`, with
# `, N skipped` where something was; fails when anything fails. Words of its own go to pytest: `test.sh -k blanks`.
#   setup   only makes the environments .build/python-client and .build/demo/python, as their requirements.txt say: a download, once
# Where the first cannot be made (no network, no python3-venv), says so and counts one as skipped;
# where the second cannot, the tests of the demo are skipped.
set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
place=$root/.build/python-client
stamp=$place/requirements.txt
bin=$place/bin

give_up() { # why
  rm -rf "$place"
  printf 'python client: %s\n  where: .build/python-client\n  next:  mend it and run Clients/python/test.sh\n' "$1" >&2
  if [ "${action:-}" != setup ]; then echo "0 passed, 0 failed, 1 skipped"; fi
  exit 0
}

action=
if [ "${1:-}" = setup ]; then action=setup; fi

# The stamp is written last, so an environment that has it is complete.
if ! cmp -s "$here/requirements.txt" "$stamp"; then
  echo "python client: installing $(sed -e 's/#.*//' "$here/requirements.txt" | awk 'NF' | paste -sd ' ') into .build/python-client"
  rm -rf "$place"
  mkdir -p "${place%/*}"
  words=$(python3 -m venv "$place" 2>&1) || give_up "python3 cannot make an environment: $words"
  words=$("$bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
    --requirement "$here/requirements.txt" 2>&1) || give_up "pip could not install: $words"
  cp "$here/requirements.txt" "$stamp"
fi
"$here/demo/run.sh" setup
if [ -n "$action" ]; then exit 0; fi

export APUS_BINARY=${APUS_BINARY:-$root/.build/release/apus}
if [ ! -x "$APUS_BINARY" ]; then
  printf 'python client: there is no program %s\n  next:  make build\n0 passed, 1 failed\n' "$APUS_BINARY" >&2
  exit 1
fi

cd "$here" || exit 1
passed=0 failed=0 skipped=0

check() { # name, command
  local name=$1 words
  shift
  if words=$("$@" 2>&1); then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf '%s FAILED\n%s\n' "$name" "$words"
  fi
}

# What tools remember stays out of the tree.
export RUFF_CACHE_DIR=$place/cache/ruff MYPY_CACHE_DIR=$place/cache/mypy PYTHONPYCACHEPREFIX=$place/cache/python

# As users get it: what is tested is what is installed.
export PIP_DISABLE_PIP_VERSION_CHECK=1
check "pip install ./Clients/python" "$bin/python" -m pip install --quiet --no-deps --no-build-isolation --force-reinstall "$here"
check "ruff check" "$bin/ruff" check --quiet .
check "ruff format" "$bin/ruff" format --quiet --check .
check "mypy --strict" "$bin/mypy"
bench=$root/Benchmarks/python_client.py
check "ruff check of the benchmark" "$bin/ruff" check --quiet --config pyproject.toml "$bench"
check "a small run of the benchmark" "$bin/python" "$bench" --calls 20 --rounds 1

report=$place/pytest.xml
rm -f "$report"
"$bin/python" -m pytest -o cache_dir="$place/cache/pytest" --junitxml "$report" "$@"
status=$?
# <testsuite … errors="0" failures="0" skipped="0" tests="9" …>
count() { sed -n "s/.*<testsuite [^>]*[ ]$1=\"\([0-9]*\)\".*/\1/p" "$report" 2>/dev/null | head -n 1; }
tests=$(count tests) bad=$(($(count failures || true) + $(count errors || true))) omitted=$(count skipped)
if [ -z "$tests" ] || { [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; }; then
  echo "pytest FAILED (exit code $status)"
  failed=$((failed + 1))
fi
passed=$((passed + ${tests:-0} - bad - ${omitted:-0})) failed=$((failed + bad)) skipped=$((skipped + ${omitted:-0}))

more=
if [ "$skipped" -gt 0 ]; then more=", $skipped skipped"; fi
echo "$passed passed, $failed failed$more"
[ "$failed" -eq 0 ]

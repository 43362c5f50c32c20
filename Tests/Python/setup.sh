#!/usr/bin/env bash
# Makes .build/python, the environment of the tests that drive other programs' readers and writers, as requirements.txt says.
# May be run any number of times; does nothing where nothing has changed. Where it cannot be made (no network, no python3-venv),
# says so and ends well: the tests that need it are skipped, and say so too.
set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
place=$here/../../.build/python
stamp=$place/requirements.txt

# The stamp is written last, so an environment that has it is complete.
if cmp -s "$here/requirements.txt" "$stamp"; then exit 0; fi

give_up() { # why
  rm -rf "$place"
  printf 'python: %s\n  where: .build/python\n  next:  the tests that compare with pyarrow, Polars and DuckDB are skipped; %s\n' \
    "$1" "mend it and run Tests/Python/setup.sh" >&2
  exit 0
}

echo "python: installing $(sed -e 's/#.*//' "$here/requirements.txt" | awk 'NF' | paste -sd ' ') into .build/python"
rm -rf "$place"
mkdir -p "${place%/*}"
words=$(python3 -m venv "$place" 2>&1) || give_up "python3 cannot make an environment: $words"
words=$("$place/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
  --requirement "$here/requirements.txt" 2>&1) || give_up "pip could not install: $words"
cp "$here/requirements.txt" "$stamp"

#!/usr/bin/env bash
# Tells the demo, `fraud.py`: what `make demo` does after building. Its Python needs go into .build/demo/python, its pictures to .build/demo.
#   notebook  executes fraud.ipynb instead; with what came out it is .build/demo/fraud.ipynb
#   setup     only makes the environment, as requirements.txt says, which takes a download once; where that fails, says so and ends well
set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
place=$root/.build/demo/python
stamp=$place/requirements.txt
action=${1:-}

give_up() { # why
  rm -rf "$place"
  printf 'demo: %s\n  where: .build/demo/python\n  next:  mend it and run Clients/python/demo/run.sh\n' "$1" >&2
  if [ "$action" = setup ]; then exit 0; fi
  exit 1
}

# The stamp is written last, so an environment that has it is complete.
if ! cmp -s "$here/requirements.txt" "$stamp"; then
  echo "demo: installing $(sed -e 's/#.*//' "$here/requirements.txt" | awk 'NF' | paste -sd ' ') into .build/demo/python"
  rm -rf "$place"
  mkdir -p "${place%/*}"
  words=$(python3 -m venv "$place" 2>&1) || give_up "python3 cannot make an environment: $words"
  words=$("$place/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
    --requirement "$here/requirements.txt" 2>&1) || give_up "pip could not install: $words"
  cp "$here/requirements.txt" "$stamp"
fi
if [ "$action" = setup ]; then exit 0; fi

export APUS_BINARY=${APUS_BINARY:-$root/.build/release/apus}
if [ ! -x "$APUS_BINARY" ]; then
  printf 'demo: there is no program %s\n  next:  make build\n' "$APUS_BINARY" >&2
  exit 1
fi

words=$("$place/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --force-reinstall \
  "$here/.." 2>&1) || give_up "pip could not install the client: $words"
# What Python remembers stays out of the tree.
export PYTHONPYCACHEPREFIX=$place/cache
case $action in
  notebook) exec "$place/bin/python" "$here/story.py" run "$here/fraud.ipynb" "$root/.build/demo/fraud.ipynb" ;;
  "") exec "$place/bin/python" "$here/story.py" tell "$here/fraud.py" ;;
  *) printf 'demo: there is no %s\n  next:  run.sh, run.sh notebook or run.sh setup\n' "$action" >&2; exit 64 ;;
esac

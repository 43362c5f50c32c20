#!/usr/bin/env bash
# Renders the documentation comments of every room into .build/docs, as pages for DocC's own viewer, and beside them a reference of all
# commands, commands.md, in the words of the program itself.
set -eu

cd "$(dirname "${BASH_SOURCE[0]}")/.."
graphs=.build/room-graphs
pages=.build/docs

words=$(swift package -c release dump-symbol-graph --minimum-access-level package) || { echo "$words"; exit 1; }
folder=$(sed -n 's/^Files written to //p' <<<"$words")
if [ ! -d "$folder" ]; then
  printf '%s\ndocs: SwiftPM did not say where it wrote the symbol graphs\n' "$words" >&2
  exit 1
fi

# Only the rooms of Sources are rendered; the folder holds tests and tools too.
rm -rf "$graphs" "$pages"
mkdir -p "$graphs"
for room in Sources/*/; do
  for graph in "$folder/$(basename "$room")".symbols.json "$folder/$(basename "$room")"@*.symbols.json; do
    if [ -e "$graph" ]; then cp "$graph" "$graphs"; fi
  done
done
# Warnings are about links between comments; they are worth reading, and no reason to show nothing.
docc convert --additional-symbol-graph-dir "$graphs" --output-dir "$pages" \
  --fallback-display-name Apus --fallback-bundle-identifier apus
echo "docs: $pages (to read them: python3 -m http.server -d $pages, then /documentation)"

apus=.build/release/apus
reference=$pages/commands.md
{
  printf '# Commands\n\nAs `apus help` of %s says them.\n' "$("$apus" --version | head -n 1)"
  "$apus" help | sed -nE 's/^  ([a-z][a-z-]*( [a-z-]+)?) {2,}.*/\1/p' | while read -r verb; do
    # shellcheck disable=SC2086 # a verb may be two words
    printf '\n## apus %s\n\n```\n%s\n```\n' "$verb" "$("$apus" help $verb)"
  done
} >"$reference"
echo "docs: $reference has $(grep -c '^## ' "$reference") commands"

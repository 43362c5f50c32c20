#!/usr/bin/env bash
# Formats every Swift file of the house, or (--check) fails when one is not formatted as .swift-format says.
set -eu

cd "$(dirname "${BASH_SOURCE[0]}")/.."
paths=()
for path in Package.swift Sources Tests Benchmarks; do
  if [ -e "$path" ]; then paths+=("$path"); fi
done
if [ "${1:-}" = --check ]; then
  swift format lint --strict --parallel --recursive "${paths[@]}"
else
  swift format format --in-place --parallel --recursive "${paths[@]}"
fi

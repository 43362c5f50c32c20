#!/usr/bin/env bash
# Measures, prints a table, and leaves report.md and report.json in .build/bench.
#   ONLY=word        only the benchmarks whose name has the word: memory, checksum, append, group, scan, open, history, history-explain, store-read, store-views,
#                    store-append, store-growth, store-rows (store: all of the last five),
#                    bulk, export, server-echo, server-pipelined, server-rows, server-allocations (server: all of the last four)
#   (Benchmarks/python_client.py measures the Python client, by itself)
#   TOY=1            every benchmark in its smallest size: checks the answers, measures nothing
#   APUS_BENCH_DIR   where the measured files go, 16 GiB at most; otherwise beside the report
# Fails when an answer was wrong. A goal that is not met is printed first, and is no failure.
set -eu

cd "$(dirname "${BASH_SOURCE[0]}")/.."
results=.build/bench
mkdir -p "$results"
scratch=$(mktemp -d "${APUS_BENCH_DIR:-$results}/apus-bench-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

arguments=(--results "$results")
if [ -n "${ONLY:-}" ]; then arguments+=(--only "$ONLY"); fi
if [ -n "${TOY:-}" ]; then arguments+=(--toy); fi

swift build -c release --product ApusBench >&2
swift build -c release --product apus >&2
clang -O2 -shared -fPIC -o "$results/probe.so" Benchmarks/AllocationProbe/probe.c
APUS_BENCH_DIR=$scratch APUS_BENCH_PROBE=$PWD/$results/probe.so \
  APUS_BENCH_PYTHON=$PWD/.build/python/bin/python APUS_BENCH_HISTORY_PEER=$PWD/Benchmarks/history_peer.py \
  APUS_BENCH_EXPORT_PEER=$PWD/Benchmarks/export_peer.py \
  .build/release/ApusBench "${arguments[@]}"

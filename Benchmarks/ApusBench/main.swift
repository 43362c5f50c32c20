// Ratios to real peers, measured in the same run: see `Benchmarks/run.sh`.

import Glibc

exit(Bench.run(Array(CommandLine.arguments.dropFirst())))

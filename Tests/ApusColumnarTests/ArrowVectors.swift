// Streams of Tests/Vectors/arrow-1: one of ours, whose bytes must not change, and some that pyarrow and Polars wrote
// (Tests/Python/arrow_peer.py, `vectors`) with layouts that we only read.

import ApusSystem
import ApusTestSupport

enum ArrowVectors {
  static let others = ["polars", "oddities", "deltas", "large", "zstd"]

  static func bytes(_ name: String) throws -> [UInt8] {
    try RealDisk().open("\(PythonPeer.root)/Tests/Vectors/arrow-1/\(name).arrows", .read).readAll()
  }
}

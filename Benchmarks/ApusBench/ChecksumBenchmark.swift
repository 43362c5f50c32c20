import ApusBytes
import ApusColumnar

/// CRC-32C against zlib's CRC-32 over the same 4 KiB.
enum ChecksumBenchmark {
  static func run(_ bench: Bench) throws -> [Row] {
    let payload = Payload(byteCount: 4096)
    let passes = bench.size(5_000, toy: 100)
    // Each checksum starts from the last, so that none can be left out.
    var (ours, theirs) = ([UInt32](), [UInt32]())
    let turns = Turns(bench.rounds) {
      var crc: UInt32 = 0
      let time = processorSeconds { for _ in 0..<passes { crc = CRC32C.extend(crc, payload.bytes) } }
      ours.append(crc)
      return time
    } peer: {
      var crc: UInt32 = 0
      let time = processorSeconds {
        // One call into zlib a pass.
        for _ in 0..<passes { crc = CRC32.extend(crc, payload.bytes) }
      }
      theirs.append(crc)
      return time
    }
    var expected: UInt32 = 0
    for _ in 0..<passes { expected = CRC32C.extendSoftware(expected, payload.bytes) }
    guard ours.allSatisfy({ $0 == expected }), Set(theirs).count == 1 else {
      throw BenchError("checksum: the rounds disagree, or the portable method does")
    }
    var hash = AnswerHash()
    hash.add(UInt64(expected))
    hash.add(UInt64(theirs[0]))
    let bytes = passes * payload.byteCount
    return [
      Row(
        "CRC-32C against zlib's CRC-32, 4 KiB", ours: speed(bytes, in: turns.oursMedian),
        peer: speed(bytes, in: turns.peerMedian), turns.speedups, goal: .atLeast(4), answers: hash)
    ]
  }
}

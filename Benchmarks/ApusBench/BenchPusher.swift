// One producer: rows become batches of a thousand, some of which are on their way while the next is made, and every one
// is acknowledged before the end.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem

struct BenchPusher: ~Copyable {
  static let rowsPerBatch = 1_000
  private static let flightMax = 16
  /// How long a store that is full is given before it is asked again.
  private static let pauseNanoseconds: UInt64 = 1_000_000

  private struct Flight: Sendable {
    var waiting = 0
    /// Those that the store had no room for.
    var refused: [AdmittedBatch] = []
    var failure: StoreError?
  }

  private let bench: BenchStore
  private let flight = Monitor(Flight())
  private var batch: Batch
  private var encoder = KeyEncoder()
  private var inputs: [FeatureInput]
  /// How often the store said that it was full.
  private(set) var refusals = 0

  init(_ bench: BenchStore) {
    self.bench = bench
    batch = bench.store.batch()
    inputs = Array(repeating: .absent, count: bench.shape.names().count)
  }

  /// Writes updates 0 to `count` − 1, with values as of `first` and so on; `keyOf` says whose each is. Returns when all are
  /// acknowledged.
  mutating func push(_ count: Int, view: Int = 0, from first: Int = 0, keyOf: (Int) -> Int) throws {
    var number = 0
    while number < count {
      let end = min(count, number + Self.rowsPerBatch)
      batch.removeAll(
        bench.store.catalog, now: SystemClock().wall(), choice: .live, policy: .allOrNothing,
        isNumbered: false)
      try batch.turn(to: bench.views[view])
      while number < end {
        bench.shape.fill(&inputs, first + number)
        encoder.removeAll()
        try encoder.append(int64: Int64(keyOf(number)))
        Self.add(inputs, of: encoder, to: &batch)
        number += 1
      }
      try submit(batch.admitted())
      try resubmit()
    }
    repeat {
      _ = flight.wait(for: nil) { $0.waiting == 0 }
      try resubmit()
    } while flight.withLock({ $0.waiting > 0 || !$0.refused.isEmpty })
  }

  // It borrows one part while another changes.
  private static func add(
    _ inputs: [FeatureInput], of encoder: borrowing KeyEncoder, to batch: inout Batch
  ) {
    batch.upsert(encodedKey: encoder.bytes, GivenTimes(), inputs)
  }

  private mutating func submit(_ batch: AdmittedBatch) throws {
    _ = flight.wait(for: nil) { flight in
      guard flight.waiting < Self.flightMax else { return false }
      flight.waiting += 1
      return true
    }
    let flight = flight
    do throws(StoreError) {
      try bench.store.submit(batch) { result in
        flight.withLock { flight in
          flight.waiting -= 1
          if case .failure(let error) = result {
            if error.isOverload { flight.refused.append(batch) } else { flight.failure = error }
          }
        }
        flight.notifyAll()
      }
    } catch {
      flight.withLock { $0.waiting -= 1 }
      guard error.isOverload else { throw error }
      flight.withLock { $0.refused.append(batch) }
    }
  }

  /// Sends what was refused again. Which comes first does not matter: the later event wins.
  private mutating func resubmit() throws {
    while true {
      let (refused, failure) = flight.withLock { flight in
        defer { flight.refused = [] }
        return (flight.refused, flight.failure)
      }
      if let failure { throw failure }
      if refused.isEmpty { return }
      refusals += refused.count
      _ = flight.wait(for: Self.pauseNanoseconds) { _ in false }
      for batch in refused { try submit(batch) }
    }
  }
}

extension StoreError {
  fileprivate var isOverload: Bool {
    if case .overloaded = self { return true }
    return false
  }
}

// How fast rows are admitted. Told, and not judged: machines differ. Run with APUS_MEASURE=1.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import Glibc
import Testing

@Suite(
  "How fast admission is", .serialized,
  .enabled(if: unsafe getenv("APUS_MEASURE") != nil, "only with APUS_MEASURE"))
struct AdmissionMeasuringTests {
  private static let rowCount = 200_000

  /// The best of seven, in nanoseconds a row.
  private func best(_ body: () throws -> Void) rethrows -> Int {
    var best = Double.infinity
    for _ in 0..<7 {
      let elapsed = try ContinuousClock().measure(body).components
      best = min(best, Double(elapsed.seconds) * 1e9 + Double(elapsed.attoseconds) / 1e9)
    }
    return Int(best / Double(Self.rowCount))
  }

  @Test("ten float64, an int64 key, a live push", arguments: [false, true])
  func floats(hasErasures: Bool) throws {
    let names = (0..<10).map { "f\($0)" }
    var admitting = try Admitting([("v", names.map { Admitting.feature($0, .float64) })])
    if hasErasures { try admitting.erase(.int64(-1), at: 500) }
    let catalog = admitting.catalog
    let view = try #require(catalog[ViewVersionID(1)])
    let rows: [(key: [Value], inputs: [FeatureInput])] = (0..<Self.rowCount).map { row in
      ([.int64(Int64(row))], (0..<10).map { .value(.float64(Double(row * $0))) })
    }
    let times = givenTimes(900)
    var batch = Batch(catalog, now: WallTime(nanoseconds: 1000), choice: .live, policy: .setAside)
    func measure(columns: [String]?) throws -> Int {
      try best {
        batch.removeAll(catalog, now: WallTime(nanoseconds: 1000), choice: .live, policy: .setAside)
        try batch.turn(to: view, columns: columns)
        for row in rows { batch.upsert(key: row.key, times, row.inputs) }
      }
    }
    let straight = try measure(columns: nil)
    let turned = try measure(columns: names.reversed())
    var encoder = KeyEncoder()
    let encoded = try best {
      batch.removeAll(catalog, now: WallTime(nanoseconds: 1000), choice: .live, policy: .setAside)
      try batch.turn(to: view)
      for (place, row) in rows.enumerated() {
        encoder.removeAll()
        try encoder.append(int64: Int64(place))
        batch.upsert(encodedKey: encoder.bytes, times, row.inputs)
      }
    }
    let contract = best {
      for row in rows { try? view.contract.admit(row.inputs) }
    }
    var builder = RowBuilder(view.layout)
    let building = try best {
      for row in rows {
        builder.removeAll()
        for input in row.inputs { try builder.append(input) }
      }
    }
    batch.removeAll(catalog, now: WallTime(nanoseconds: 1000), choice: .live, policy: .setAside)
    try batch.turn(to: view)
    for row in rows { batch.upsert(key: row.key, times, row.inputs) }
    let done = try batch.admitted()
    let again = try best { _ = try done.admittedAgain(under: catalog, now: WallTime(nanoseconds: 1001)) }
    print(
      "admission\(hasErasures ? " with an erasure" : ""): \(straight) ns a row, \(turned) by columns in another order, "
        + "\(encoded) with an encoded key; of it contract \(contract), cells \(building); again \(again)")
  }
}

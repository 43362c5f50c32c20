import ApusBytes
import ApusContracts
import ApusStore
import ApusTestSupport
import Testing

@Suite("Vectors of views that change")
struct EvolvedVectorTests {
  @Test(
    "a removed feature is served no more, by vectors of before and of after, and its name may be another's")
  func removed() throws {
    var fixture = try ReadFixture(readingText)
    let before = try fixture.vector("activity:action", "activity:count")
    let service = VersionedName(name: "fraud", number: 1)
    let key: [Value] = [.string("a")]
    try fixture.put(
      "activity", key, ["count": .value(.int64(3)), "action": .value(.string("buy"))], at: fixture.now)
    fixture.publish()
    var reader = try fixture.reader()
    var table = try reader.table(before, [key])
    #expect(table[0, 0].value == .string("buy") && table[0, 1].value == .int64(3))

    try fixture.apply(
      readingText.replacing("      action: {type: string}\n", with: "").replacing(
        "[count, action]", with: "[count]"))
    table = try reader.table(before, [key])
    func isGone(_ cell: FeatureTable.Cell?) -> Bool {
      cell?.status == .notFound && cell?.reason == .deleted && cell?.value == nil && cell?.stamp == nil
    }
    #expect(isGone(table[0, 0]) && table[0, 1].value == .int64(3))
    #expect(try statuses(&reader, before, key) == [.notFound, .present])
    let pinned = try fixture.catalog.vector(service: service, in: "p")
    var keys = RequestKeys(for: pinned)
    try keys.append(values: [key, [.int64(1)], [.int64(2)]])
    table = try reader.table(pinned, keys)
    #expect(isGone(table[0, "action"]) && table[0, "count"]?.value == .int64(3))

    // The name comes back, empty: what was said under it before stays hidden, and what is said now is seen.
    try fixture.apply(readingText)
    let after = try fixture.vector("activity:action", "activity:count")
    #expect(after.columns[0].feature == 3 && before.columns[0].feature == 1)
    table = try reader.table(after, [key])
    #expect(table[0, 0].status == .notFound && table[0, 0].reason == .neverSeen && table[0, 0].value == nil)
    try fixture.put("activity", key, ["action": .value(.string("refund"))], at: fixture.now)
    fixture.publish()
    #expect(try reader.table(after, [key])[0, 0].value == .string("refund"))
    #expect(isGone(try reader.table(before, [key])[0, 0]))
    #expect(try statuses(&reader, after, key) == [.present, .present])
  }

  private func statuses(
    _ reader: inout StoreReader, _ vector: PreparedVector, _ key: [Value]
  ) throws -> [CellStatus] {
    var keys = RequestKeys(for: vector)
    try keys.append(values: [key])
    var statuses: [CellStatus] = []
    _ = try reader.read(vector, keys) { _, group, found in
      for feature in vector.groups[group].features { statuses.append(found.status(feature)) }
    }
    return statuses
  }

  @Test("a service of 5000 features with as many defaults is prepared at once, every column in its place")
  func many() throws {
    var text = "project: p\nentities: {e: {keys: {k: int64}}}\nviews:\n"
    for view in 0..<3 {
      text += "  v\(view):\n    entity: e\n    ttl: none\n    features:\n"
      for feature in 0..<(view == 2 ? 904 : 2048) { text += "      f\(feature): {type: int32}\n" }
    }
    text +=
      "services:\n  s:\n    features: [\((0..<3).map { "{view: v\($0), as: r\($0)}" }.joined(separator: ", "))]\n"
    text += "    defaults:\n"
    for view in 0..<3 {
      for feature in 0..<(view == 2 ? 904 : 2048) { text += "      r\(view)__f\(feature): \(feature)\n" }
    }
    let catalog = try ReadFixture(text).catalog
    let clock = ContinuousClock()
    let start = clock.now
    let vector = try catalog.vector(service: VersionedName(name: "s"), in: "p")
    let taken = clock.now - start
    #expect(taken < .seconds(5), "it took \(taken)")
    #expect(vector.columns.count == 5000 && vector.groups.count == 3 && vector.roles.count == 1)
    for (number, column) in vector.columns.enumerated() {
      let (view, feature) = (number / 2048, number % 2048)
      #expect(column.name == "r\(view)__f\(feature)" && column.filling == .int32(Int32(feature)))
      #expect(column.view == "v\(view)@1" && column.feature == FeatureIndex(feature))
    }
  }
}

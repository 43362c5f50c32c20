// How fast a read is, beside LMDB alone on the same bytes. Told, and not judged: machines differ. Run with APUS_MEASURE=1.

import ApusBytes
import ApusContracts
import ApusIndex
import ApusStore
import ApusTestSupport
import Glibc
import Testing

private let isWanted = unsafe getenv("APUS_MEASURE") != nil

@Suite("How fast reads are", .serialized, .enabled(if: isWanted, "only with APUS_MEASURE"))
struct ReadMeasuringTests {
  private static let viewCount = 25
  private static let entityCount = 20_000

  private static var text: String {
    let features = (0..<10).map { "f\($0): {type: float64}" }.joined(separator: ", ")
    let views = (0..<viewCount).map {
      "  v\($0): {entity: user, ttl: 30d, features: {\(features.replacing("f", with: "v\($0)f").replacing("v\($0)float64", with: "float64"))}}\n"
    }
    return "project: p\nentities:\n  user: {keys: {id: int64}}\nviews:\n" + views.joined()
  }

  private func seconds(_ body: () throws -> Void) rethrows -> Double {
    let elapsed = try ContinuousClock().measure(body).components
    return Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
  }

  @Test("one view and 25 views of one entity, beside LMDB alone")
  func measure() throws {
    var fixture = try ReadFixture(Self.text, after: 9)
    let views = try (0..<Self.viewCount).map { try fixture.view("v\($0)") }
    var rows: [(key: [UInt8], lsn: LSN, row: [UInt8])] = []
    let stamp = Stamp(
      eventTime: EventTime(nanoseconds: fixture.now), createdAt: CreatedAt(nanoseconds: 0), lsn: LSN(1))
    for id in 0..<Self.entityCount {
      for view in views {
        var builder = RowBuilder(view.layout)
        for feature in 0..<10 { try builder.append(float64: Double(id + feature)) }
        var row = ByteWriter()
        builder.writeRow(at: stamp, into: &row)
        rows.append((try ReadFixture.wholeKey(view, [.int64(Int64(id))]), LSN(1), row.bytes.copied()))
      }
    }
    let index = try ReadFixture.build(rows, in: fixture.temporary, epoch: 2, complete: LSN(9))
    fixture.use(index)
    fixture.shared.publish { $0.index = index }
    rows = []

    var random = SplitMix64(seed: 5)
    let ids = (0..<50_000).map { _ in random.below(Self.entityCount) }
    let encoded = try ids.map { try ReadFixture.encoded([.int64(Int64($0))], views[0].keySchema) }
    var raw = try index.reader()
    var key = IndexKey()
    var reader = try StoreReader(of: fixture.shared)
    var sum = 0.0
    func rawTime(views count: Int) throws -> Double {
      try seconds {
        for one in encoded {
          try raw.renew()
          key.set(
            project: views[0].project.rawValue, entity: views[0].entity.rawValue, key: unsafe one.span.bytes)
          for view in views[..<count] {
            key.set(view: view.id.rawValue)
            sum += Double(raw.uncheckedByteCount(of: key.bytes) ?? 0)
          }
          raw.reset()
        }
      }
    }
    func readTime(_ vector: PreparedVector) throws -> Double {
      var keys = RequestKeys(for: vector)
      return try seconds {
        for one in encoded {
          keys.removeAll()
          try keys.append(encoded: unsafe one.span.bytes)
          _ = try reader.read(vector, keys, at: ReadTime(nanoseconds: stamp.eventTime.nanoseconds)) {
            _, group, found in
            for feature in vector.groups[group].features where found.status(feature) == .present {
              sum += Double(found.raw(feature).byteCount)
            }
          }
        }
      }
    }
    func vector(_ count: Int) throws -> PreparedVector {
      let names = (0..<count).flatMap { view in (0..<10).map { "v\(view):v\(view)f\($0)" } }
      return try fixture.catalog.vector(features: names, in: "p")
    }
    let (one, two, all) = (try vector(1), try vector(2), try vector(Self.viewCount))
    func report(_ what: String) throws {
      var times = [[Double]](repeating: [], count: 5)
      for _ in 0..<7 {
        times[0].append(try rawTime(views: 1))
        times[1].append(try readTime(one))
        times[2].append(try readTime(two))
        times[3].append(try rawTime(views: Self.viewCount))
        times[4].append(try readTime(all))
      }
      let each = times.map { ($0.sorted()[3] / Double(encoded.count) * 1e9).rounded() }
      func ratio(_ a: Int, _ b: Int) -> Double { (each[a] / each[b] * 100).rounded() / 100 }
      print(
        "reading, \(what): LMDB \(each[0]) ns; 1 view \(each[1]) ns, ratio \(ratio(1, 0)); 2 views \(each[2]) ns; "
          + "25 views: LMDB \(each[3]) ns, here \(each[4]) ns, ratio \(ratio(4, 3)); 25 against 1: \(ratio(4, 1)); \(sum > 0)"
      )
    }
    try report("overlay empty")
    for id in stride(from: 0, to: Self.entityCount, by: 7) {
      try fixture.put("v3", [.int64(Int64(id))], ["v3f0": .value(.float64(1))], at: fixture.now)
    }
    fixture.publish()
    try report("every 7th entity in the overlay")
    _ = try fixture.freeze()
    for id in stride(from: 0, to: Self.entityCount, by: 5) {
      try fixture.put("v0", [.int64(Int64(id))], ["v0f0": .value(.float64(1))], at: fixture.now)
    }
    fixture.publish()
    try report("two generations")
  }
}

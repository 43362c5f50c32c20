// Rows on their way to a server: what they say, and since when. Columns are made of rows here, once; a column has one type.

import ApusBytes
import ApusContracts
import ApusWire

/// What an event says of an entity.
public struct FeatureRow: Sendable {
  /// The parts of the entity's key, in the order and of the types of its definition.
  public var key: [FeatureValue]
  /// By name. A feature that is not here stays as it was; one that is nil becomes null.
  public var features: [String: FeatureValue?]
  /// Nanoseconds since 1970. Nil: now, by the server's clock.
  public var eventTimeNanoseconds: Int64?
  /// The producer's own time of revision.
  public var createdAtNanoseconds: Int64?
  /// With `KnownAtRule.column`.
  public var knownAtNanoseconds: Int64?

  public init(
    key: [FeatureValue], _ features: [String: FeatureValue?] = [:], eventTimeNanoseconds: Int64? = nil
  ) {
    (self.key, self.features, self.eventTimeNanoseconds) = (key, features, eventTimeNanoseconds)
  }
}

/// Since when rows could be known.
public enum KnownAtRule: Sendable {
  case live
  /// A load of older rows that nobody could have read before.
  case now
  case eventTime
  case eventTimePlus(Duration)
  /// Each row says it.
  case column
}

public struct PushOptions: Sendable {
  /// Refuses all rows when one is refused; else those become dead letters and the others are written.
  public var isAllOrNothing = false
  public var knownAt = KnownAtRule.live
  /// May be left out where there is only one.
  public var project = ""
  /// Nil: the client's.
  public var timeout: Duration?
  public init() {}
}

public struct PushResult: Equatable, Sendable {
  /// Rows that one rule refused.
  public struct Refusal: Equatable, Sendable {
    public let view: String
    public let rule: String
    public let count: Int
    /// The first of them, from 0.
    public let firstRow: Int
    public let words: String
  }

  /// Nil when nothing was written.
  public let lsns: ClosedRange<ApusClient.LSN>?
  /// Everything up to here is on disk.
  public let durable: ApusClient.LSN
  public let timeNanoseconds: Int64
  public let accepted: Int
  /// These became dead letters.
  public let setAside: Int
  /// Their keys were erased, and they are older than that.
  public let erased: Int
  /// Accepted, with an event time that was ahead of the server's clock and is now the clock's.
  public let setBack: Int
  /// The server had this request already, and gave its first answer.
  public let isRepeated: Bool
  public let refusals: [Refusal]

  init(_ reply: PushReply) {
    lsns =
      reply.first <= reply.last ? ApusClient.LSN(reply.first)...ApusClient.LSN(reply.last) : nil
    durable = ApusClient.LSN(reply.durable)
    timeNanoseconds = reply.timeNanoseconds
    (accepted, setAside) = (Int(clamping: reply.accepted), Int(clamping: reply.setAside))
    (erased, setBack) = (Int(clamping: reply.erased), Int(clamping: reply.setBack))
    isRepeated = reply.isRepeated
    refusals = reply.tallies.map {
      Refusal(
        view: $0.view, rule: $0.rule, count: Int(clamping: $0.count), firstRow: Int(clamping: $0.firstRow),
        words: $0.words)
    }
  }
}

/// Rows as columns; a head makes a body of them.
struct PushBatch {
  private(set) var head: PushHead
  private var rows: WireRows

  init(
    _ view: String, _ given: [FeatureRow], _ options: PushOptions, isDelete: Bool = false
  ) throws(ClientError) {
    guard !given.isEmpty else { throw ClientError(.badInput, "there are no rows") }
    let names = isDelete ? [] : Set(given.flatMap { $0.features.keys }).sorted()
    guard names.count <= Int(UInt16.max) else { throw ClientError(.badInput, "\(names.count) features") }
    var types: [FeatureType] = []
    for name in names { types.append(try Self.type(of: name, given)) }
    head = PushHead(
      policy: options.isAllOrNothing ? .allOrNothing : .setAside, choice: options.knownAt.wire,
      project: options.project, view: view, columns: names)
    rows = WireRows(types)
    var encoder = KeyEncoder()
    for (number, row) in given.enumerated() {
      try Self.encode(row.key, number, into: &encoder)
      let times = GivenTimes(
        eventTime: row.eventTimeNanoseconds.map { EventTime(nanoseconds: $0) },
        createdAt: row.createdAtNanoseconds.map { CreatedAt(nanoseconds: $0) },
        knownAt: row.knownAtNanoseconds.map { KnownAt(nanoseconds: $0) })
      let inputs = names.map { name -> FeatureInput in
        guard let said = row.features[name] else { return .absent }
        return said.map { .value($0.value) } ?? .null
      }
      do throws(WireColumnError) {
        try rows.append(key: encoder.bytes, times, inputs)
      } catch {
        let found = error.found.map { "\($0)" } ?? "no feature's type"
        throw ClientError(
          .badInput,
          "row \(number) has \(names[error.column]) as \(found), and rows before as \(error.expected)",
          next: "give a column values of one type")
      }
    }
  }

  func body(_ producer: PushHead.Producer? = nil) -> [UInt8] {
    var head = head
    head.producer = producer
    var writer = ByteWriter(capacity: rows.byteCount + 256)
    head.encode(rows, into: &writer)
    return writer.bytes.copied()
  }

  /// Of the first value there is. A column of nulls has no type; any will do, since nothing is of it.
  private static func type(of name: String, _ rows: [FeatureRow]) throws(ClientError) -> FeatureType {
    for (number, row) in rows.enumerated() {
      guard let said = row.features[name], let value = said else { continue }
      guard let type = value.value.type else {
        throw ClientError(.badInput, "row \(number) has a vector as \(name) that no feature can hold")
      }
      return type
    }
    return .int64
  }

  static func encode(_ key: [FeatureValue], _ row: Int, into encoder: inout KeyEncoder) throws(ClientError) {
    var types: [KeyType] = []
    for part in key {
      guard let scalar = part.value.scalarType, let type = KeyType(rawValue: scalar.rawValue) else {
        throw ClientError(
          .badInput, "row \(row): part \(types.count) of its key is a float, a list or a vector")
      }
      types.append(type)
    }
    do throws(KeyError) {
      try KeySchema(types).encode(key.map(\.value), into: &encoder)
    } catch {
      throw ClientError(.badInput, "row \(row) has no key: \(error.words([]))")
    }
  }
}

extension KnownAtRule {
  var wire: KnownAtChoice {
    switch self {
    case .live: .live
    case .now: .now
    case .eventTime: .eventTime
    case .eventTimePlus(let delay): .eventTimePlus(nanoseconds: Int64(clamping: delay.clampedNanoseconds))
    case .column: .column
    }
  }
}

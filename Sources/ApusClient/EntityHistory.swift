// Every event of a key in a view, page after page. Where to go on is the server's to say, and can be kept for another day; what was written
// after the first page was read is not told by later ones.

import ApusBytes
import ApusContracts
import ApusWire

/// Pages of events: `for try await page in client.history("card_activity", of: ["c42"])`.
public struct EntityHistory: AsyncSequence, Sendable {
  /// What became of an event, as of the moment.
  public enum Fate: Hashable, Sendable {
    /// Some feature has its value, or it ended some feature.
    case wins
    case winsNothing
    /// By a rule; it waits as a dead letter.
    case refused(rule: String)
  }

  public struct Event: Sendable {
    public let fate: Fate
    /// It ends the entity's row, and says nothing of features.
    public let isDelete: Bool
    /// What it says; one that is nil is null, and one that is not here it left as it was.
    public let features: [String: FeatureValue?]
    public let origin: EventOrigin
  }

  public struct Page: Sendable {
    public let lsn: ApusClient.LSN
    /// The moment that it was read at, in nanoseconds since 1970.
    public let readTimeNanoseconds: Int64
    /// The store lost something once, and may lack it here.
    public let mayLack: Bool
    /// `card_activity@1`.
    public let view: String
    /// Of the events up to this LSN those that won nothing at this time may be gone; nil: none are.
    public let horizon: (lsn: ApusClient.LSN, nanoseconds: Int64)?
    public let events: [Event]
    /// Nil: this is the last page.
    public let next: [UInt8]?
  }

  let client: ApusClient
  let view: String
  let project: String
  let key: [FeatureValue]
  let options: HistoryOptions

  public func makeAsyncIterator() -> Iterator { Iterator(history: self, from: options.start) }

  public struct Iterator: AsyncIteratorProtocol {
    let history: EntityHistory
    /// Nil: at the end.
    private var from: [UInt8]?

    init(history: EntityHistory, from: [UInt8]) {
      self.history = history
      self.from = from
    }

    public mutating func next() async throws(ClientError) -> Page? {
      try await next(isolation: nil)
    }

    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(ClientError) -> Page? {
      guard let from else { return nil }
      let request = try history.request(from: from)
      let page = try await history.client.read(.history, timeout: history.options.timeout) {
        request.encode(into: &$0)
      } _: { (body) throws(WireError) in
        Page(try HistoryReply(decoding: body))
      }
      // A server that goes on from where it was would never end.
      guard page.next != from || from.isEmpty else {
        throw ClientError(.badReply, "a page goes on where it began")
      }
      self.from = page.next
      return page
    }
  }

  private func request(from place: [UInt8]) throws(ClientError) -> HistoryRequest {
    var encoder = KeyEncoder()
    try PushBatch.encode(key, 0, into: &encoder)
    var asked: HistoryRequest.Options = []
    if options.isNewestFirst { asked.insert(.newestFirst) }
    if options.includesRefused { asked.insert(.refused) }
    return HistoryRequest(
      options.moment.wire, options: asked, eventsMax: UInt32(clamping: Swift.max(1, options.eventsPerPage)),
      from: EventTime(nanoseconds: options.eventTimes.lowerBound),
      to: EventTime(nanoseconds: options.eventTimes.upperBound), project: project, view: view,
      key: encoder.bytes.copied(), place: place)
  }
}

/// Which events of a key are wanted.
public struct HistoryOptions: Sendable {
  /// As of when: what is not seen then is not told.
  public var moment = ApusClient.Moment.newest
  /// Only what became true within, in nanoseconds since 1970.
  public var eventTimes = Int64.min...Int64.max
  public var isNewestFirst = false
  /// Events that were refused and wait as dead letters, too. The server looks through all that wait, if any is of the view.
  public var includesRefused = false
  public var eventsPerPage = 1_000
  /// `next` of a page; empty: the beginning.
  public var start: [UInt8] = []
  /// Of a page. Nil: the client's.
  public var timeout: Duration?
  public init() {}
}

/// Where an event comes from, and its times in nanoseconds since 1970.
public struct EventOrigin: Hashable, Sendable {
  public let lsn: ApusClient.LSN
  public let eventTimeNanoseconds: Int64
  public let createdAtNanoseconds: Int64
  public let knownAtNanoseconds: Int64
  /// Nobody observed when it was known: it was computed from the event time.
  public let isKnownAtAssumed: Bool
  /// Nil: nobody in particular.
  public let producer: String?

  init(
    _ lsn: ApusBytes.LSN, _ eventTime: EventTime, _ createdAt: CreatedAt, _ knownAt: KnownAt,
    isAssumed: Bool, producer: String
  ) {
    self.lsn = ApusClient.LSN(lsn)
    eventTimeNanoseconds = eventTime.nanoseconds
    createdAtNanoseconds = createdAt.nanoseconds
    knownAtNanoseconds = knownAt.nanoseconds
    isKnownAtAssumed = isAssumed
    self.producer = producer.isEmpty ? nil : producer
  }
}

extension EntityHistory.Page {
  init(_ reply: HistoryReply) {
    lsn = ApusClient.LSN(reply.lsn)
    readTimeNanoseconds = reply.time.nanoseconds
    mayLack = reply.mayLack
    view = reply.view
    horizon = reply.horizon.map { (ApusClient.LSN($0.lsn), $0.nanoseconds) }
    events = reply.events.map { EntityHistory.Event($0) }
    next = reply.next.isEmpty ? nil : reply.next
  }
}

extension EntityHistory.Event {
  init(_ event: HistoryReply.Event) {
    switch event.fate {
    case .wins: fate = .wins
    case .winsNothing: fate = .winsNothing
    case .refused: fate = .refused(rule: event.rule)
    }
    isDelete = event.operation == .delete
    var features: [String: FeatureValue?] = [:]
    for cell in event.cells {
      features.updateValue(cell.value.map { FeatureValue($0) }, forKey: cell.feature)
    }
    self.features = features
    origin = EventOrigin(
      event.lsn, event.eventTime, event.createdAt, event.knownAt, isAssumed: event.isKnownAtAssumed,
      producer: event.producer)
  }
}

extension ApusClient {
  /// Every event of an entity in a view, page by page, in the order of their LSNs or against it.
  ///
  /// `key`: its parts, in the order and of the types of the entity's definition, as in a push.
  public func history(
    _ view: String, of key: [FeatureValue], project: String = "", options: HistoryOptions = HistoryOptions()
  ) -> EntityHistory {
    EntityHistory(client: self, view: view, project: project, key: key, options: options)
  }
}

// Walking over the entities of a view, page after page. A page is read at one LSN, and the next may be read at a later one; where
// to go on is the server's to say, and can be kept for another day.

import ApusBytes
import ApusContracts
import ApusWire

public struct EntityScan: AsyncSequence, Sendable {
  public struct Page: Sendable {
    public let lsn: ApusClient.LSN
    public let rows: [Row]
    /// Nil: this is the last page.
    public let next: [UInt8]?
  }

  public struct Row: Sendable {
    /// As it was encoded.
    public let key: [UInt8]
    /// A feature that nothing is said of is not here; one that is nil is null.
    public let features: [String: FeatureValue?]
    /// Of the newest that the row still says.
    public let eventTimeNanoseconds: Int64?
  }

  let client: ApusClient
  let view: String
  let project: String
  let rowsPerPage: Int
  let start: [UInt8]
  let timeout: Duration?

  public func makeAsyncIterator() -> Iterator { Iterator(scan: self, from: start) }

  public struct Iterator: AsyncIteratorProtocol {
    let scan: EntityScan
    /// Nil: at the end.
    private var from: [UInt8]?

    init(scan: EntityScan, from: [UInt8]) {
      self.scan = scan
      self.from = from
    }

    public mutating func next() async throws(ClientError) -> Page? {
      try await next(isolation: nil)
    }

    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(ClientError) -> Page? {
      guard let from else { return nil }
      let request = ScanRequest(
        project: scan.project, view: scan.view, rowsMax: UInt32(clamping: Swift.max(1, scan.rowsPerPage)),
        from: from)
      let page = try await scan.client.read(.scan, timeout: scan.timeout) {
        request.encode(into: &$0)
      } _: { (body) throws(WireError) in
        try Page(decoding: body)
      }
      // A server that goes on from where it was would never end.
      guard page.next != from || from.isEmpty else {
        throw ClientError(.badReply, "a page goes on where it began")
      }
      self.from = page.next
      return page
    }
  }
}

extension EntityScan.Page {
  init(decoding body: RawSpan) throws(WireError) {
    let reply = try ScanReply(decoding: body)
    lsn = ApusClient.LSN(reply.lsn)
    next = reply.next.isEmpty ? nil : reply.next
    var keys = reply.rows.keys
    var rows: [EntityScan.Row] = []
    rows.reserveCapacity(reply.rows.count)
    for row in 0..<reply.rows.count {
      let key = try keys.next().copied()
      var features: [String: FeatureValue?] = [:]
      for (column, name) in reply.columns.enumerated() {
        switch try reply.rows.input(row, column) {
        case .absent: break
        case .null: features.updateValue(nil, forKey: name)
        case .value(let value): features[name] = FeatureValue(value)
        }
      }
      rows.append(
        EntityScan.Row(
          key: key, features: features, eventTimeNanoseconds: reply.rows.times(row).eventTime?.nanoseconds))
    }
    self.rows = rows
  }
}

extension ApusClient {
  /// The entities of a view, page by page: `for try await page in client.scan("card_activity")`.
  ///
  /// `start`: `next` of a page; empty: the beginning.
  public func scan(
    _ view: String, project: String = "", rowsPerPage: Int = 1_000, from start: [UInt8] = [],
    timeout: Duration? = nil
  ) -> EntityScan {
    EntityScan(
      client: self, view: view, project: project, rowsPerPage: rowsPerPage, start: start, timeout: timeout)
  }
}

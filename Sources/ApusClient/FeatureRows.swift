// The answer to a request for features: one row per key, in the order of the keys, all read at one LSN. It keeps the
// server's bytes, checked once; every access reads from them, and a column lends its values without a copy.

import ApusBytes
import ApusContracts
package import ApusWire

public struct FeatureRows: Sendable {
  public struct Column: Equatable, Sendable {
    public let name: String
    /// As definitions spell it: `int64`, `float32[64]`, `list<string>`.
    public let type: String
    /// `view@1:feature`.
    public let feature: String
    /// Whether a default of the service stands in for a blank.
    public let hasDefault: Bool
  }

  /// What a cell is; the numbers are Feast's.
  public enum Status: Int, Sendable {
    case invalid = 0
    case present = 1
    case null = 2
    case notFound = 3
    case outsideMaxAge = 4
  }

  /// Why a cell was not found.
  public enum Reason: String, Sendable {
    case neverSeen = "never seen"
    case notYetKnown = "not yet known"
    case deleted
    case erased
    case beyondHistory = "beyond history"
  }

  public struct Cell: Equatable, Sendable {
    public let status: Status
    /// Only of what was not found.
    public let reason: Reason?
    /// Its own, or the default. Nil: there is none.
    public let value: FeatureValue?
    /// When the winner became true, in nanoseconds since 1970; nil when there is none, or it was not asked for.
    public let eventTimeNanoseconds: Int64?
    /// How long before the read time that was; never negative.
    public let age: Duration?
    /// The winner's; nil when there is none, or it was not asked for.
    public let lsn: ApusClient.LSN?
  }

  public let columns: [Column]
  /// Of the service's version, or of the list of features: 32 bytes.
  public let fingerprint: [UInt8]
  let body: [UInt8]
  let map: GetReplyMap
  /// As HELLO had it.
  private let timeline: [UInt8]
  /// As they were sent.
  private let keys: [UInt8]
  private let numbers: [String: Int]

  /// Checks the reply to a request for so many rows. `timeline` is that of HELLO.
  package init(
    _ body: [UInt8], of prepared: PreparedFeatures, rows: Int, layout: ReplyLayout, options: GetOptions,
    keys: [UInt8], timeline: [UInt8]
  ) throws(ClientError) {
    self.body = body
    var map = GetReplyMap(prepared.shape)
    do throws(WireError) {
      try map.check(unsafe body.span.bytes, rows: rows, layout: layout, options: options)
    } catch {
      throw ClientError(error)
    }
    self.map = map
    columns = prepared.columns
    numbers = prepared.columnNumbers
    fingerprint = prepared.fingerprint
    (self.timeline, self.keys) = (timeline, keys)
  }

  /// What to keep with a decision that was made from these features: `explain` takes it, with the same keys. Hashes the keys anew each time.
  public var receipt: Receipt {
    Receipt(
      AnswerReceipt(
        timeline: timeline, fingerprint: fingerprint, lsn: map.head.lsn, time: map.head.time,
        keys: unsafe keys.span.bytes))
  }

  public var count: Int { map.head.rows }
  public var lsn: ApusClient.LSN { ApusClient.LSN(map.head.lsn) }
  /// The moment that ages were judged at, in nanoseconds since 1970.
  public var readTimeNanoseconds: Int64 { map.head.time.nanoseconds }
  /// The store lost something once, and may lack it here; `describe` says what.
  public var mayLack: Bool { map.head.mayLack }

  /// The number of a column in `columns`.
  public func column(_ name: String) throws(ClientError) -> Int {
    guard let number = numbers[name] else {
      throw ClientError(
        .badInput, "there is no column \(name)",
        next: "there are \(columns.map(\.name).joined(separator: ", "))")
    }
    return number
  }

  /// A cell. A row or a column that is not there is a bug of the caller.
  public subscript(row: Int, column: Int) -> Cell {
    let view = GetReplyView(unsafe body.span.bytes, map)
    let code = view.code(row, column)
    let eventTime = view.eventTimeNanoseconds(row, column)
    // A text that is no UTF-8 cannot be had; its code tells that something was there.
    let value = (try? view.value(row, column)) ?? nil
    return Cell(
      status: Status(rawValue: Int(code.status.rawValue)) ?? .invalid, reason: code.reason.map(Reason.init),
      value: value.map { FeatureValue($0) }, eventTimeNanoseconds: eventTime,
      age: eventTime.map { Self.age(of: $0, at: readTimeNanoseconds) },
      lsn: view.lsn(row, column).map { ApusClient.LSN($0) })
  }

  public subscript(row: Int, name: String) -> Cell {
    get throws(ClientError) { self[row, try column(name)] }
  }

  /// The difference of any two moments fits.
  private static func age(of eventTime: Int64, at readTime: Int64) -> Duration {
    if eventTime >= readTime { return .zero }
    let (difference, over) = readTime.subtractingReportingOverflow(eventTime)
    return .nanoseconds(over ? Int64.max : difference)
  }
}

extension FeatureRows.Reason {
  init(_ reason: BlankReason) {
    switch reason {
    case .neverSeen: self = .neverSeen
    case .notYetKnown: self = .notYetKnown
    case .deleted: self = .deleted
    case .erased: self = .erased
    case .beyondHistory: self = .beyondHistory
    }
  }
}

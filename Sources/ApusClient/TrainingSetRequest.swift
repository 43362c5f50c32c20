// What a training set is asked to be. Everything has the default that `apus export` has.

import ApusWire

public struct TrainingSetRequest: Equatable, Sendable {
  /// Whose features are the columns.
  public enum Wanted: Equatable, Sendable {
    /// `fraud@1`, or the current version of `fraud`.
    case service(String)
    /// `view:feature`, `view@2:feature`.
    case features([String])
    /// All features of `card_activity@1`, or of its current version.
    case view(String)
  }

  /// Up to where the set sees.
  public enum Snapshot: Equatable, Sendable {
    case newest
    case lsn(ApusClient.LSN)
    /// The last LSN that was appended by a moment.
    case time(nanoseconds: Int64)
    case pin(String)
  }

  /// Columns beside the values, of each feature.
  public enum Column: Sendable { case status, reason, eventTime, lsn }

  public var wanted: Wanted
  /// Empty: the only one.
  public var project = ""
  public var snapshot = Snapshot.newest
  /// By event time alone, as if all had been known at once.
  public var ignoresKnownAt = false
  /// The label's own instant is left out.
  public var isStrictBefore = false
  /// As if all had been known that much later; not below 0.
  public var delayNanoseconds: Int64 = 0
  /// Labels before what a view keeps are blank; else there is no set.
  public var beyondHistoryIsNull = false
  /// Keeps values that are out of age.
  public var keepsStale = false
  public var columns: Set<Column> = []
  /// Before the names of features.
  public var prefix = ""
  /// `time=2026-11-19T00:00:00Z`, `hash=0.8`; empty: none.
  public var split = ""
  /// The spine's column of moments; empty: `event_timestamp`, else its only column of timestamps.
  public var timeColumn = ""
  /// What whole numbers in it count: 1, 1,000, 1,000,000 or 1,000,000,000 nanoseconds; nil: they are refused.
  public var timeUnitNanoseconds: Int64?
  /// The spine's column of LSNs to repeat; empty: `lsn`, if there is one.
  public var lsnColumn = ""
  /// By the name that requests call a key, the spine's column that has it; those of the same name may be left out.
  public var keyColumns: [String: String] = [:]
  /// Its columns are text that stands for keys and moments, as in CSV.
  public var spineIsText = false
  /// What the manifest is to call the set and the spine.
  public var setName = ""
  public var spineName = ""

  public init(_ wanted: Wanted) { self.wanted = wanted }

  /// `events`: moments of the view's own events, in place of a spine.
  func wire(events: ClosedRange<Int64>?) throws(ClientError) -> ExportRequest {
    let wanted: ExportRequest.Wanted =
      switch self.wanted {
      case .service(let name): .service(name)
      case .features(let names): .features(names)
      case .view(let name): .view(name)
      }
    let labels: ExportRequest.Labels =
      if let events {
        .events(from: events.lowerBound, through: events.upperBound)
      } else {
        spineIsText ? .text : .spine
      }
    var request = ExportRequest(wanted, labels)
    request.mode = ignoresKnownAt ? .happened : .known
    switch snapshot {
    case .newest: break
    case .lsn(let lsn): request.point = .lsn(lsn.wire)
    case .time(let nanoseconds): request.point = .time(nanoseconds: nanoseconds)
    case .pin(let name): request.point = .pin(name)
    }
    if isStrictBefore { request.options.insert(.strict) }
    if beyondHistoryIsNull { request.options.insert(.beyondHistoryIsNull) }
    if keepsStale { request.options.insert(.stale) }
    for column in columns {
      switch column {
      case .status: request.columns.insert(.statuses)
      case .reason: request.columns.insert(.reasons)
      case .eventTime: request.columns.insert(.eventTimes)
      case .lsn: request.columns.insert(.lsns)
      }
    }
    guard delayNanoseconds >= 0 else { throw ClientError(.badInput, "a delay is not below 0") }
    if let unit = timeUnitNanoseconds, !ExportRequest.timeUnits.contains(unit) {
      throw ClientError(.badInput, "no unit of time has \(unit) nanoseconds")
    }
    if case .pin(let name) = snapshot, name.isEmpty { throw ClientError(.badInput, "a pin has a name") }
    request.delayNanoseconds = delayNanoseconds
    (request.project, request.prefix, request.split) = (project, prefix, split)
    request.told = ExportRequest.Told(set: setName, format: "arrow", spine: spineName, spineFormat: "arrow")
    guard events == nil else { return request }
    request.timeUnitNanoseconds = timeUnitNanoseconds
    (request.time, request.lsn) = (timeColumn, lsnColumn)
    request.keys = keyColumns.sorted { $0.key < $1.key }.map { ExportRequest.Key($0.key, column: $0.value) }
    return request
  }
}

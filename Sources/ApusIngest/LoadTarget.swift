// What a load is told before its first byte: which view it fills, and what the columns of the file mean. It comes from a
// store or from a server alike.

package import ApusContracts

/// The view version that rows are for.
package struct LoadTarget: Equatable, Sendable {
  /// `card_activity@2`.
  package var spelling: String
  package var keys: [KeyDefinition]
  package var features: [Feature]

  package struct Feature: Equatable, Sendable {
    package var name: String
    package var type: FeatureType

    package init(_ name: String, _ type: FeatureType) {
      self.name = name
      self.type = type
    }
  }

  package init(spelling: String, keys: [KeyDefinition], features: [Feature]) {
    self.spelling = spelling
    self.keys = keys
    self.features = features
  }
}

package enum FileFormat: String, CaseIterable, Sendable {
  case csv
  case jsonl
  case parquet
  /// An Arrow IPC stream.
  case arrow

  /// What a file's name says of it; nil when it says nothing.
  package static func named(by path: String) -> (format: FileFormat, delimiter: UInt8)? {
    let comma = UInt8(ascii: ",")
    if path.hasSuffix(".csv") { return (.csv, comma) }
    if path.hasSuffix(".tsv") { return (.csv, UInt8(ascii: "\t")) }
    if path.hasSuffix(".jsonl") || path.hasSuffix(".ndjson") { return (.jsonl, comma) }
    if path.hasSuffix(".parquet") { return (.parquet, comma) }
    if path.hasSuffix(".arrows") { return (.arrow, comma) }
    return nil
  }

  /// As many tell a format.
  static let markByteCount = 6

  static func isArrowFile(_ head: Span<UInt8>) -> Bool { begins(head, Array("ARROW1".utf8)) }

  private static func begins(_ head: Span<UInt8>, _ mark: [UInt8]) -> Bool {
    guard head.count >= mark.count else { return false }
    for at in mark.indices where head[at] != mark[at] { return false }
    return true
  }

  /// What a file's first bytes say of it, which no file of lines begins with; nil when they say nothing.
  static func told(by head: Span<UInt8>) -> FileFormat? {
    if begins(head, Array("PAR1".utf8)) { return .parquet }
    return begins(head, [0xFF, 0xFF, 0xFF, 0xFF]) ? .arrow : nil
  }
}

/// How the format of a load is known.
package enum FormatSource: Equatable, Sendable {
  /// The caller says it, whatever the bytes look like.
  case given
  /// From the file's name; its first bytes know better.
  case name
  case nothing
}

/// Where the event time of a row stands.
package enum EventTimeAsked: Equatable, Sendable {
  /// In `event_timestamp`, which must be there.
  case usual
  case column(String)
  /// Nowhere: a row becomes true when it is appended.
  case none
}

/// How the columns of a file are meant.
package struct LoadOptions: Equatable, Sendable {
  package static let usualEventTime = "event_timestamp"

  package var format = FileFormat.csv
  package var formatSource = FormatSource.given
  package var delimiter = UInt8(ascii: ",")
  package var event = EventOperation.upsert
  /// Of a part of the key, the column that holds it; where none is named, the one of its own name.
  package var keys: [String: String] = [:]
  package var eventTime = EventTimeAsked.usual
  package var createdAt: String?
  /// The column of known-at, for a load whose choice is *column*.
  package var knownAt: String?
  /// Nil: every column that is called like one.
  package var features: [String]?
  package var ignoresUnknown = false
  /// Nil: times without an offset are UTC, and counted.
  package var zone: Zone?
  package var timeUnit: TimeUnit?

  package init() {}
}

/// Why a file is not loaded at all. Nothing of it was.
package enum LoadRefusal: Error, Equatable, Sendable {
  case empty
  /// Neither the name nor the first bytes tell.
  case unknownFormat
  /// Parquet is read from its end, and this has none to begin with.
  case notAFile
  /// An Arrow file with a footer, of which only the stream is read.
  case arrowFile
  /// What is wrong with a file of columns, and where.
  case columnar(String)
  case unreadableColumn(String, why: String, advice: String)
  /// No value of the column can be one of what it is for.
  case columnType(String, has: String, wants: String, purpose: String)
  case notUTF8(String)
  case headerWrong(CSVFaultWords)
  case columnTwice(String)
  /// `nearest` is what may have been meant.
  case unknownColumn(String, nearest: String?, view: String)
  case unknownKey(String, view: String, keys: [String])
  case unknownFeature(String, nearest: String?, view: String)
  case missingColumn(String, for: String, nearest: String?, columns: [String])
  case noEventTime(candidates: [String])
  /// A delete speaks of no feature.
  case featureInDelete(String)
  /// Of the first row.
  case needsTimeUnit(column: String, value: String)
  /// What a producer began, and this is not it.
  case otherSource(String)
  case changedSource(String)

  /// What is wrong with a header, in words.
  package struct CSVFaultWords: Equatable, Sendable {
    package var words: String
  }
}

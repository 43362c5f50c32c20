// Where labels come from. A spine is read twice, once for keys and times and once for the set that it becomes a part of; so nothing of it but
// keys and times is held.

package import ApusColumnar

package protocol SpineSource: AnyObject {
  /// What people call it.
  var name: String { get }
  /// Whether every column is text, which becomes what a key's part is; else nothing is converted.
  var isText: Bool { get }
  /// Begins with the first row. Called twice.
  func open() throws(ExportError) -> any SpineReading
}

/// One reading of a spine. Used by one thread.
package protocol SpineReading: AnyObject {
  var schema: ColumnSchema { get }
  /// The next rows; nil behind the last.
  func next() throws(ExportError) -> ColumnBatch?
}

/// Which of the spine's columns are what.
package struct SpineChoices: Equatable, Sendable {
  /// The label's time; nil: `event_timestamp`, else the only column of timestamps.
  package var time: String?
  /// What whole numbers in the time's column count, in nanoseconds; nil: they are refused.
  package var timeUnitNanoseconds: Int64?
  /// Of label times without a zone; nil: UTC.
  package var zone: LabelZone?
  /// The LSN that a row repeats; nil: a column `lsn` of whole numbers, if there is one.
  package var lsn: String?
  /// By the name that requests call a key's part, the column that has it.
  package var keys: [String: String] = [:]

  package init() {}
}

/// A spine in memory.
package final class HeldSpine: SpineSource {
  package let name: String
  package let isText: Bool
  private let schema: ColumnSchema
  private let batches: [ColumnBatch]

  package init(
    _ schema: ColumnSchema, _ batches: [ColumnBatch], named name: String = "the spine", isText: Bool = false
  ) {
    self.schema = schema
    self.batches = batches
    self.name = name
    self.isText = isText
  }

  package func open() -> any SpineReading { Reading(schema, batches) }

  private final class Reading: SpineReading {
    let schema: ColumnSchema
    private var batches: ArraySlice<ColumnBatch>
    init(_ schema: ColumnSchema, _ batches: [ColumnBatch]) {
      self.schema = schema
      self.batches = batches[...]
    }
    func next() -> ColumnBatch? { batches.popFirst() }
  }
}

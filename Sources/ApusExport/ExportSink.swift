// Where a set goes: a file, or a connection. Batches come in the order of the spine.

package import ApusColumnar

package protocol ExportSink: AnyObject {
  /// Once, before anything else.
  func begin(_ schema: ColumnSchema) throws(ExportError)
  func write(_ batch: ColumnBatch) throws(ExportError)
  /// Nothing follows.
  func finish() throws(ExportError)
}

/// A set in memory.
package final class HeldSet: ExportSink {
  package private(set) var schema = ColumnSchema([])
  package private(set) var batches: [ColumnBatch] = []

  package init() {}
  package func begin(_ schema: ColumnSchema) { self.schema = schema }
  package func write(_ batch: ColumnBatch) { batches.append(batch) }
  package func finish() {}
}

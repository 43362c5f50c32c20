// Runs as history keeps them: Parquet files that any tool reads.

package import ApusBytes
import ApusContracts
package import ApusHistory
package import ApusSystem

package struct ParquetRuns: RunFiles {
  private let limits: RunLimits

  package init(_ limits: RunLimits = RunLimits()) { self.limits = limits }

  package func write(
    _ events: any EventCursor, of subject: RunSubject, lsns: LSNRange, as id: HistoryFileID,
    into file: any DiskFile
  ) throws(HistoryError) -> RunAttributes {
    let schema = RunSchema(
      viewVersion: subject.view, view: "\(subject.project)/\(subject.name)@\(subject.number)",
      keys: subject.keys.map { RunSchema.Key($0.name, $0.type) },
      features: subject.features.map { RunSchema.Feature($0.name, $0.type) })
    guard let schema else { throw .limit(path: file.path, "\(subject.features.count) features") }
    let writer = try RunWriter(file, id, schema, lsns: lsns, limits)
    try writer.append(all: events)
    return try writer.finish()
  }

  package func events(
    of subject: RunSubject, first: LSN, _ attributes: RunAttributes, as id: HistoryFileID,
    in file: any DiskFile, from key: [UInt8]?
  ) throws(HistoryError) -> any EventCursor {
    try reader(of: subject, first: first, attributes, as: id, in: file).events(from: key)
  }

  package func lookup(
    first: LSN, _ attributes: RunAttributes, as id: HistoryFileID, in file: any DiskFile
  ) throws(HistoryError) -> any RunLookup {
    try RunReader(file, id, first: first, attributes)
  }

  package func reader(
    of subject: RunSubject, first: LSN, _ attributes: RunAttributes, as id: HistoryFileID,
    in file: any DiskFile
  ) throws(HistoryError) -> RunReader {
    let reader = try RunReader(file, id, first: first, attributes)
    try check(reader, subject)
    return reader
  }
}

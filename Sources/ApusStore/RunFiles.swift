// The door to runs: how events of one view version become a file, and come out of it again. What a run is like inside is history's
// affair; here it only counts that the same events come out, in the same order.

package import ApusBytes
package import ApusContracts
package import ApusHistory
package import ApusSystem

/// What a run says of its view version, as of the newest definitions that its range has.
package struct RunSubject: Sendable {
  package let view: ViewVersionID
  package let project: String
  package let name: String
  package let number: ViewNumber
  package let keys: [KeyDefinition]
  /// By index, removed ones included.
  package let features: [FeatureDefinition]
  package let layout: RowLayout

  package init?(_ id: ViewVersionID, in registry: Registry) {
    guard let version = registry[id], let view = registry[version.view],
      let entity = registry[version.entity],
      let project = registry[view.project], let layout = RowLayout(of: version)
    else { return nil }
    self.view = id
    self.project = project.name
    name = view.name
    number = version.number
    keys = entity.keys
    features = version.features.map(\.definition)
    self.layout = layout
  }
}

package protocol RunFiles: Sendable {
  /// Writes a run of these events, which ascend by (key, stamp), into an empty file, and syncs nothing.
  func write(
    _ events: any EventCursor, of subject: RunSubject, lsns: LSNRange, as id: HistoryFileID,
    into file: any DiskFile
  ) throws(HistoryError) -> RunAttributes

  /// The events of a run, in order; from a key on those of it and of all that follow, and maybe some before. Nothing of it is used before it
  /// was compared with what the manifest says.
  func events(
    of subject: RunSubject, first: LSN, _ attributes: RunAttributes, as id: HistoryFileID,
    in file: any DiskFile, from key: [UInt8]?
  ) throws(HistoryError) -> any EventCursor

  /// The same run, for those who look for keys. Many threads may ask it.
  func lookup(
    first: LSN, _ attributes: RunAttributes, as id: HistoryFileID, in file: any DiskFile
  ) throws(HistoryError) -> any RunLookup

  /// The same run, for those who read its columns. Many threads may read it.
  func reader(
    of subject: RunSubject, first: LSN, _ attributes: RunAttributes, as id: HistoryFileID,
    in file: any DiskFile
  ) throws(HistoryError) -> RunReader
}

extension RunFiles {
  /// That a run has the types of its view version: cells of others would be other values.
  func check(_ reader: RunReader, _ subject: RunSubject) throws(HistoryError) {
    guard reader.schema.keys.map(\.type) == subject.keys.map(\.type),
      subject.features.map(\.type).starts(with: reader.schema.features.map(\.type))
    else {
      throw .damaged(
        path: reader.path, at: reader.attributes.tailAt, "its types are not those of its view version")
    }
  }
}

/// A run that is asked for keys.
package protocol RunLookup: Sendable {
  /// The events of one key, by stamp.
  func events(of key: RawSpan) throws(HistoryError) -> EventBatch
}

extension RunReader: RunLookup {}

extension RunFiles {
  /// All of them.
  package func events(
    of subject: RunSubject, first: LSN, _ attributes: RunAttributes, as id: HistoryFileID,
    in file: any DiskFile
  ) throws(HistoryError) -> any EventCursor {
    try events(of: subject, first: first, attributes, as: id, in: file, from: nil)
  }
}

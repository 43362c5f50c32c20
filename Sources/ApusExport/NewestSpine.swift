// The rows of a spine once more, each at one moment: what their entities have now. Null stays null, so that a row of which nothing could be found in the set
// is none here.

import ApusColumnar
import ApusStore
import ApusSystem

final class NewestSpine: SpineSource {
  var name: String { spine.name }
  var isText: Bool { spine.isText }
  private let spine: any SpineSource
  private let time: Int
  /// The columns of keys, each once.
  private let keys: [Int]
  private let moment: Int64

  init(_ spine: any SpineSource, _ layout: SpineLayout, at moment: Int64) {
    self.spine = spine
    self.moment = moment
    time = layout.time
    keys = Set(layout.roles.flatMap { $0.parts.map(\.column) }).sorted()
  }

  /// The spine's columns under names that no feature has.
  static func choices(_ vector: PreparedVector, _ layout: SpineLayout) -> SpineChoices {
    var choices = SpineChoices()
    choices.time = timeName
    for (role, own) in zip(vector.roles, layout.roles) {
      for (key, part) in zip(role.keys, own.parts) { choices.keys[key.requested] = keyName(part.column) }
    }
    return choices
  }

  private static let timeName = "the moment"
  private static func keyName(_ column: Int) -> String { "key \(column)" }

  func open() throws(ExportError) -> any SpineReading { Reading(try spine.open(), self) }

  private final class Reading: SpineReading {
    private let reading: any SpineReading
    private let spine: NewestSpine
    let schema: ColumnSchema

    init(_ reading: any SpineReading, _ spine: NewestSpine) {
      self.reading = reading
      self.spine = spine
      let fields = reading.schema.fields
      schema = ColumnSchema(
        spine.keys.map { ColumnField(NewestSpine.keyName($0), fields[$0].type) }
          + [ColumnField(NewestSpine.timeName, ExportColumnKind.momentType)])
    }

    func next() throws(ExportError) -> ColumnBatch? {
      guard let batch = try reading.next() else { return nil }
      let times = batch.columns[spine.time]
      var builder = ColumnBuilder(
        ExportColumnKind.momentType, named: NewestSpine.timeName, capacity: batch.rowCount)
      for row in 0..<batch.rowCount {
        if times.isNull(row) { builder.appendNull() } else { builder.append(spine.moment) }
      }
      do throws(ColumnarError) {
        return try ColumnBatch(
          schema, spine.keys.map { batch.columns[$0] } + [try builder.finish()], rowCount: batch.rowCount)
      } catch {
        throw .columns(error)
      }
    }
  }
}

/// Rows that nobody keeps.
final class NoRows: ExportSink {
  func begin(_ schema: ColumnSchema) {}
  func write(_ batch: ColumnBatch) {}
  func finish() {}
}

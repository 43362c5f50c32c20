// How one of two sets is made again, for the rows that differ and no others: from the store as of the set's LSN, as it was asked for, with all that is told
// of a cell beside it.

package import ApusBytes
import ApusColumnar
import ApusContracts
package import ApusStore
import ApusSystem

package struct DiffMaking: Sendable {
  package let snapshot: Snapshot
  /// What was asked for, as the snapshot's definitions have it.
  package let vector: PreparedVector
  private let options: ExportOptions
  private let choices: SpineChoices
  private let isText: Bool
  /// The last erasure that the set knew of.
  let erasures: LSN
  /// Lost records that the set knew of are those of now.
  let hasSameLosses: Bool
  private let name: String

  /// `choices` name the time and, where there is one, the LSN.
  package init(
    _ side: DiffSide, _ snapshot: Snapshot, _ vector: PreparedVector, _ options: ExportOptions,
    _ choices: SpineChoices, isText: Bool, erasures: LSN, losses: [String]
  ) {
    self.snapshot = snapshot
    self.vector = vector
    var options = options
    options.columns = Set(ExportColumnKind.allCases)
    options.prefix = Self.prefix
    options.beyondHistory = .null
    self.options = options
    self.choices = choices
    self.isText = isText
    self.erasures = erasures
    hasSameLosses = losses == snapshot.losses.map { "\($0.first)..\($0.last)" }
    name = side.name
  }

  /// The same question to another snapshot, whose definitions may mean other features by it.
  package func asked(_ snapshot: Snapshot, _ vector: PreparedVector) -> DiffMaking {
    DiffMaking(self, snapshot, vector)
  }

  private init(_ making: DiffMaking, _ snapshot: Snapshot, _ vector: PreparedVector) {
    self.snapshot = snapshot
    self.vector = vector
    options = making.options
    choices = making.choices
    isText = making.isText
    erasures = making.erasures
    hasSameLosses = making.hasSameLosses
    name = making.name
  }

  /// No key's name has a blank.
  private static let prefix = "of "

  /// Makes rows again. They are those of a set: of them only what is asked with counts.
  func make(
    _ side: DiffSide, _ columns: [Column], _ scratch: ScratchFiles
  ) throws(DiffError) -> DiffMade {
    do throws(ExportError) {
      let places = DiffRowName(side).places
      let schema = ColumnSchema(places.map { ColumnField(side.fields[$0].name, side.fields[$0].type) })
      let count = columns.first?.count ?? 0
      let batch: ColumnBatch
      do throws(ColumnarError) {
        batch = try ColumnBatch(schema, places.map { columns[$0] }, rowCount: count)
      } catch {
        throw .columns(error)
      }
      let spine = HeldSpine(schema, [batch], named: name, isText: isText)
      let set = HeldSet()
      _ = try Export(snapshot, vector, options, choices, scratch: scratch).run(spine, to: set)
      var made = DiffMade(first: schema.fields.count, vector: vector)
      for (place, field) in set.schema.fields.enumerated() {
        var builder = ColumnBuilder(field.type, named: field.name, capacity: count)
        do throws(ColumnarError) {
          for batch in set.batches { try builder.append(all: batch.columns[place]) }
          made.columns.append(try builder.finish())
        } catch {
          throw .columns(error)
        }
      }
      return made
    } catch {
      throw .store(error)
    }
  }

  /// The encoded keys of some rows: of each row, role by role; empty where there is none.
  func keys(_ side: DiffSide, _ columns: [Column]) throws(DiffError) -> [[[UInt8]]] {
    do throws(ExportError) {
      let schema = ColumnSchema(side.fields)
      let layout = try SpineLayout(schema, vector, choices, isText: isText)
      var labels = SpineLabels(layout, options)
      var keys: [[[UInt8]]] = []
      let batch: ColumnBatch
      do throws(ColumnarError) {
        batch = try ColumnBatch(
          ColumnSchema(schema.fields.map { ColumnField($0.name, $0.type) }), columns,
          rowCount: columns.first?.count ?? 0)
      } catch {
        throw .columns(error)
      }
      try labels.take(batch, first: 0) { (role, key, _) throws(ExportError) in
        if role == 0 { keys.append([]) }
        keys[keys.count - 1].append(key.copied())
      }
      return keys
    } catch {
      throw .store(error)
    }
  }
}

/// What came out.
struct DiffMade {
  /// Where the features begin.
  let first: Int
  let vector: PreparedVector
  var columns: [Column] = []

  init(first: Int, vector: PreparedVector) {
    self.first = first
    self.vector = vector
  }

  /// The value's column, or that of a kind, by the feature's place in the vector.
  func value(_ feature: Int) -> Column { columns[first + feature] }
  func kind(_ kind: ExportColumnKind, _ feature: Int) -> Column {
    let place = ExportColumnKind.allCases.firstIndex(of: kind).map { $0 + 1 } ?? 0
    return columns[first + place * vector.columns.count + feature]
  }

  func reason(_ row: Int, _ feature: Int) -> BlankReason? {
    let column = kind(.reasons, feature)
    return column.isNull(row) ? nil : BlankReason(spelling: column.string(row))
  }

  /// The event that won, be it a delete or out of age; nil where nothing is seen.
  func winner(_ row: Int, _ feature: Int) -> LSN? {
    let column = kind(.lsns, feature)
    return column.isNull(row) ? nil : LSN(UInt64(clamping: column.load(row, as: Int64.self)))
  }

  func eventTime(_ row: Int, _ feature: Int) -> Int64? {
    let column = kind(.eventTimes, feature)
    return column.isNull(row) ? nil : column.load(row, as: Int64.self)
  }
}

// An answer with everything copied out, for people and tests: rows × columns, each cell with its status and why.
//
// A default stands in for the value of a blank cell, and changes nothing else of it.

package import ApusBytes
package import ApusContracts
import ApusIndex

package struct FeatureTable: Equatable, Sendable {
  package struct Cell: Equatable, Sendable {
    package var status: CellStatus
    package var reason: BlankReason?
    /// What stands there; the default, if the cell is blank and has one.
    package var value: Value?
    package var stamp: Stamp?
    package var ageNanoseconds: Int64?
  }

  package let names: [String]
  package let rowCount: Int
  package let moment: ReadMoment
  /// Row by row.
  private let cells: [Cell]

  fileprivate init(names: [String], rowCount: Int, moment: ReadMoment, cells: [Cell]) {
    self.names = names
    self.rowCount = rowCount
    self.moment = moment
    self.cells = cells
  }

  package subscript(row: Int, column: Int) -> Cell {
    precondition(row < rowCount && column < names.count, "a table has so many rows and columns")
    return cells[row * names.count + column]
  }

  /// Nil when there is no such column.
  package subscript(row: Int, name: String) -> Cell? {
    names.firstIndex(of: name).map { self[row, $0] }
  }
}

extension StoreReader {
  /// Reads and copies everything out. `stale`: values that are out of age are shown, too.
  package mutating func table(
    _ vector: PreparedVector, _ keys: borrowing RequestKeys, minimum: LSN = .none,
    at time: ReadTime? = nil, stale: Bool = false
  ) throws(StoreError) -> FeatureTable {
    let width = vector.columns.count
    let blank = FeatureTable.Cell(status: .invalid)
    var cells = [FeatureTable.Cell](repeating: blank, count: width * keys.count)
    var unreadable: (row: Int, group: Int)?
    let moment = try read(vector, keys, minimum: minimum, at: time) { row, group, found in
      for feature in vector.groups[group].features {
        let judged = found.judge(feature)
        var value: Value?
        if judged.hasValue(stale: stale) {
          value = try? Value(found.raw(feature), of: feature.slot)
          if value == nil { unreadable = (row, group) }
        } else if judged.isBlank(stale: stale) {
          value = vector.columns[feature.column].filling
        }
        cells[row * width + feature.column] = FeatureTable.Cell(
          status: judged.status, reason: judged.reason, value: value, stamp: judged.stamp,
          ageNanoseconds: judged.ageNanoseconds)
      }
    }
    if let (row, group) = unreadable {
      let (view, role) = (vector.groups[group].view, vector.groups[group].role)
      var key = IndexKey()
      key.set(
        project: vector.roles[role].project.rawValue, entity: vector.roles[role].entity.rawValue,
        key: keys.key(row: row, role: role), view: view.rawValue)
      throw damage(.row(key: key.bytes.copied()))
    }
    return FeatureTable(
      names: vector.columns.map(\.name), rowCount: keys.count, moment: moment, cells: cells)
  }
}

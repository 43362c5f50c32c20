// Answers as they are served: by the reader that serves GET, and in its way, the status alone first and the cell only where the status says more.
// Or once more, by a read of the past at the LSN and the moment of an answer.

import ApusBytes
package import ApusContracts
package import ApusStore

package enum ServedRead {
  /// Entities that are asked for together, and so answered at one LSN.
  package static let rowsPerRead = 256

  /// What is served of these entities now.
  package static func newest(
    _ entities: [[String: Value]], _ vector: PreparedVector, from store: Store
  ) throws(StoreError) -> [ServedAnswer] {
    var reader = try store.reader()
    var answers: [ServedAnswer] = []
    var start = 0
    while start < entities.count {
      let part = entities[start..<min(entities.count, start + rowsPerRead)]
      var keys = RequestKeys(for: vector)
      for entity in part { try keys.append(named: entity) }
      var cells = blank(part.count, vector)
      let moment = try reader.read(vector, keys) { row, group, found in
        for feature in vector.groups[group].features {
          cells[row][feature.column] = ServedCell(found, feature)
        }
      }
      for (entity, own) in zip(part, cells) {
        answers.append(ServedAnswer(entity: entity, lsn: moment.lsn, time: moment.time, cells: own))
      }
      start += part.count
    }
    return answers
  }

  /// What was served of an entity at an LSN and a moment.
  package static func past(
    _ entity: [String: Value], _ vector: PreparedVector, _ read: PastRead
  ) throws(StoreError) -> ServedAnswer {
    var keys = RequestKeys(for: vector)
    try keys.append(named: entity)
    var cells = blank(1, vector)
    try read.read(vector, keys) { row, feature, cell, value in
      cells[row][feature.column] = ServedCell(cell, cell.status, value, feature)
    }
    return ServedAnswer(entity: entity, lsn: read.moment.lsn, time: read.moment.time, cells: cells[0])
  }

  /// Every cell is answered; what were not would be no answer.
  private static func blank(_ rows: Int, _ vector: PreparedVector) -> [[ServedCell]] {
    let row = [ServedCell](repeating: ServedCell(status: .invalid), count: vector.columns.count)
    return Array(repeating: row, count: rows)
  }
}

extension ServedCell {
  fileprivate init(_ found: borrowing FoundRow, _ feature: PreparedVector.Feature) {
    self.init(found.judge(feature), found.status(feature), found.raw(feature), feature)
  }

  /// A value whose bytes are none of its type is missing.
  fileprivate init(
    _ cell: FoundCell, _ status: CellStatus, _ raw: RawSpan, _ feature: PreparedVector.Feature
  ) {
    self.init(
      status: status, reason: cell.reason,
      value: cell.hasValue(stale: true) ? try? Value(raw, of: feature.slot) : nil,
      eventTime: cell.stamp?.eventTime.nanoseconds, lsn: cell.stamp?.lsn)
  }
}

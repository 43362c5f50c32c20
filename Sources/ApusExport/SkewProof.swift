// The proof that training and serving say the same: answers that were served are asked of the exporter, each at its LSN and its moment, and held against
// what it says, cell by cell and bit by bit. Nothing is near enough: a cell is the same, or it differs.

import ApusBytes
import ApusColumnar
package import ApusContracts
import ApusHistory
package import ApusStore
package import ApusSystem

/// What the exporter says of a cell that was served.
package enum RepeatedCell: Equatable, Sendable {
  case cell(ServedCell)
  /// Its key was erased after it was served, and is not there at any moment any more.
  case erasedSince
  /// Its view let go of what it kept of that moment.
  case beyondHistory
}

package struct SkewProof: Sendable {
  private let store: Store
  private let vector: PreparedVector
  private let scratch: ScratchFiles
  private var options = ExportOptions()

  package init(_ store: Store, _ vector: PreparedVector, scratch: ScratchFiles, threads: Int = 1) {
    self.store = store
    self.vector = vector
    self.scratch = scratch
    // A value out of age is compared too; the status says that it is.
    options.staleOK = true
    options.beyondHistory = .null
    options.columns = Set(ExportColumnKind.allCases)
    options.prefix = "of "
    options.threads = threads
    options.memory = 256 << 20
  }

  /// Of each answer every cell, as the exporter has it.
  package func repeated(_ answers: [ServedAnswer]) throws(ExportError) -> [[RepeatedCell]] {
    guard let last = answers.map(\.lsn).max() else { return [] }
    let snapshot: Snapshot
    do throws(StoreError) { snapshot = try self.snapshot(reaching: last) } catch { throw .store(error) }
    let spine = try spine(answers)
    var choices = SpineChoices()
    choices.time = Self.timeColumn
    choices.lsn = Self.lsnColumn
    let set = HeldSet()
    _ = try Export(snapshot, vector, options, choices, scratch: scratch).run(spine, to: set)
    var rows: [[RepeatedCell]] = []
    let first = set.schema.fields.count - vector.columns.count * (1 + ExportColumnKind.allCases.count)
    for batch in set.batches {
      for row in 0..<batch.rowCount {
        let answer = answers[rows.count]
        let hidden = try hidden(answer, snapshot)
        rows.append(
          vector.columns.indices.map { column in
            hidden.contains(vector.columns[column].group)
              ? .erasedSince : cell(batch, row, column, first: first)
          })
      }
    }
    return rows
  }

  // MARK: The spine

  private static let timeColumn = "read time"
  private static let lsnColumn = "read lsn"

  /// The answers as rows that repeat them. No key's name has a blank, and no feature's behind the prefix is one.
  private func spine(_ answers: [ServedAnswer]) throws(ExportError) -> HeldSpine {
    var keys: [PreparedVector.RequestedKey] = []
    for key in vector.roles.flatMap(\.keys) where !keys.contains(where: { $0.requested == key.requested }) {
      keys.append(key)
    }
    do throws(ColumnarError) {
      var fields: [ColumnField] = []
      var columns: [Column] = []
      for key in keys {
        let field = ColumnField(
          key.requested, RunSchema.columnType(of: .scalar(key.key.type.element)))
        var builder = ColumnBuilder(field.type, named: field.name, capacity: answers.count)
        for answer in answers {
          if let value = answer.entity[key.requested] {
            try builder.append(value)
          } else {
            builder.appendNull()
          }
        }
        fields.append(field)
        columns.append(try builder.finish())
      }
      fields.append(ColumnField(Self.timeColumn, ExportColumnKind.momentType, isNullable: false))
      var times = ColumnBuilder(ExportColumnKind.momentType, named: Self.timeColumn, capacity: answers.count)
      for answer in answers { times.append(answer.time.nanoseconds) }
      columns.append(try times.finish())
      fields.append(ColumnField(Self.lsnColumn, ColumnType(.int64), isNullable: false))
      var lsns = ColumnBuilder(ColumnType(.int64), named: Self.lsnColumn, capacity: answers.count)
      for answer in answers { lsns.append(Int64(clamping: answer.lsn.rawValue)) }
      columns.append(try lsns.finish())
      let schema = ColumnSchema(fields)
      return HeldSpine(schema, [try ColumnBatch(schema, columns, rowCount: answers.count)])
    } catch {
      throw .columns(error)
    }
  }

  private static let durableNanoseconds: UInt64 = 30_000_000_000

  /// A snapshot reaches to what is durable, and an answer may be ahead of that for as long as a sync takes.
  private func snapshot(reaching lsn: LSN) throws(StoreError) -> Snapshot {
    let reached = Monitor(Result<Void, StoreError>?.none)
    let wait = store.wait(for: lsn, .durable) { result in
      reached.withLock { $0 = .some(result.map { _ in }) }
      reached.notifyAll()
    }
    if wait != nil { _ = reached.wait(for: Self.durableNanoseconds) { $0 != nil } }
    try reached.withLock { $0 }?.get()
    return try store.snapshot()
  }

  // MARK: What came out

  /// The groups whose key was erased after the answer was given.
  private func hidden(_ answer: ServedAnswer, _ snapshot: Snapshot) throws(ExportError) -> Set<Int> {
    guard snapshot.erasureEpoch > answer.lsn else { return [] }
    var keys = RequestKeys(for: vector)
    do throws(StoreError) { try keys.append(named: answer.entity) } catch { throw .store(error) }
    var hidden: Set<Int> = []
    for (place, group) in vector.groups.enumerated() {
      guard let view = snapshot.catalog[group.view],
        let erase = snapshot.erasures.erase(of: keys.key(row: 0, role: group.role), in: view)
      else { continue }
      if erase.floor > answer.lsn { hidden.insert(place) }
    }
    return hidden
  }

  /// A cell of the set. A default that stands in a blank is no value of it; any other one would be, and differ.
  private func cell(_ batch: ColumnBatch, _ row: Int, _ column: Int, first: Int) -> RepeatedCell {
    let count = vector.columns.count
    func part(_ kind: ExportColumnKind) -> Column {
      let place = ExportColumnKind.allCases.firstIndex(of: kind).map { $0 + 1 } ?? 0
      return batch.columns[first + place * count + column]
    }
    let status = CellStatus(rawValue: part(.statuses).load(row, as: UInt8.self)) ?? .invalid
    let reasons = part(.reasons)
    let reason = reasons.isNull(row) ? nil : BlankReason(spelling: reasons.string(row))
    if reason == .beyondHistory { return .beyondHistory }
    var value = batch.columns[first + column].featureValue(row, vector.columns[column].type)
    if status == .notFound, value == vector.columns[column].filling { value = nil }
    let (times, lsns) = (part(.eventTimes), part(.lsns))
    return .cell(
      ServedCell(
        status: status, reason: reason, value: value,
        eventTime: times.isNull(row) ? nil : times.load(row, as: Int64.self),
        lsn: lsns.isNull(row) ? nil : LSN(UInt64(clamping: lsns.load(row, as: Int64.self)))))
  }
}

extension BlankReason {
  /// What a set spells so.
  package init?(spelling: String) {
    let all: [BlankReason] = [.neverSeen, .notYetKnown, .deleted, .erased, .beyondHistory]
    guard let found = all.first(where: { $0.spelling == spelling }) else { return nil }
    self = found
  }
}

extension Column {
  /// A row as a feature's value; nil for a null.
  package func featureValue(_ row: Int, _ type: FeatureType) -> Value? {
    if isNull(row) { return nil }
    let elements = elements(of: row)
    if type.shape == .scalar {
      switch type.element {
      case .bool: return .bool(bool(row))
      case .int32: return .int32(load(row, as: Int32.self))
      case .int64: return .int64(load(row, as: Int64.self))
      case .float32: return .float32(float32(row))
      case .float64: return .float64(float64(row))
      case .string: return .string(string(row))
      case .bytes: return .bytes(bytes(row).copied())
      case .timestamp: return .timestamp(nanoseconds: load(row, as: Int64.self))
      }
    }
    let many: Value.Elements =
      switch type.element {
      case .bool: .bool(elements.map { bool($0) })
      case .int32: .int32(elements.map { load($0, as: Int32.self) })
      case .int64: .int64(elements.map { load($0, as: Int64.self) })
      case .float32: .float32(elements.map { float32($0) })
      case .float64: .float64(elements.map { float64($0) })
      case .string: .string(elements.map { string($0) })
      case .bytes: .bytes(elements.map { bytes($0).copied() })
      case .timestamp: .timestamp(nanoseconds: elements.map { load($0, as: Int64.self) })
      }
    return type.shape == .list ? .list(many) : .vector(many)
  }
}

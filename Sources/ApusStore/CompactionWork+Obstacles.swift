// One file that cannot be read holds up what is made of it, and nothing else: it is noted and told, and units are chosen around it. Whoever
// asks for compaction has it looked at again, because the file may have been put back.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusLog
import ApusSystem

struct CompactionObstacles {
  private var why: [FileID: StoreError] = [:]

  var files: Set<FileID> { Set(why.keys) }
  /// Why the oldest of them cannot be read.
  var first: StoreError? { why.min { $0.key < $1.key }?.value }

  subscript(_ id: FileID) -> StoreError? { why[id] }

  mutating func note(_ id: FileID, _ error: StoreError) { why[id] = error }

  mutating func removeAll() { why = [:] }
}

extension CompactionWork {
  /// Runs what reads these files. When it fails because some of them cannot be read, they are noted, and it has done nothing.
  func passing(_ records: [FileRecord], _ body: () throws(StoreError) -> Void) throws(StoreError) {
    do throws(StoreError) { try body() } catch {
      var isExplained = false
      switch error {
      case .log(.damaged(let damage)) where records.contains { $0.id == damage.file }:
        obstacles.note(damage.file, error)
        isExplained = true
      case .log(.foreignFile(let path, _)), .log(.header(let path, _)):
        for record in records where log.view.folder.at(record.name) == path {
          obstacles.note(record.id, error)
          isExplained = true
        }
      case .history(let fault) where fault.refusal.map({ Self.isOfFile($0) }) ?? true:
        for record in records + log.view.ledgers.suffix(1) where record.kind != .segment {
          guard let why = unreadable(record) else { continue }
          obstacles.note(record.id, why)
          isExplained = true
        }
      default: break
      }
      if !isExplained { throw error }
    }
  }

  /// Whether the kernel says something of the file, and not of this process or the disk's room.
  private static func isOfFile(_ refusal: SystemError) -> Bool {
    switch refusal.errno {
    case .noEntry, .inputOutput, .isAFolder, .accessDenied, .invalid, .noDevice: true
    default: false
    }
  }

  /// Why a run or a ledger cannot be read; nil when it can.
  private func unreadable(_ record: FileRecord) -> StoreError? {
    do throws(StoreError) {
      let history = HistoryView(log, runs)
      guard record.kind == .run else {
        let ledger = try history.ledger(record)
        do throws(HistoryError) { try ledger.verify() } catch { throw .history(error) }
        return nil
      }
      guard let view = record.covered.map({ ViewVersionID($0.view) }),
        let subject = RunSubject(view, in: shared.newest.1.catalog.registry)
      else { return nil }
      let events = try history.events(of: record, subject)
      do throws(HistoryError) { while try events.advance() {} } catch { throw .history(error) }
      return nil
    } catch {
      return error
    }
  }
}

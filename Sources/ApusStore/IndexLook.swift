// The index of a store that is only looked at: whether the next opening will use it, and what it says. It is opened
// read-only, so that several may look at a time, and nothing in it changes.

package import ApusBytes
package import ApusContracts
import ApusIndex
import ApusLog
import ApusSystem

package struct IndexLook {
  package enum Verdict: Equatable, Sendable {
    /// The next opening replays what comes behind it.
    case usable
    /// Of a store that is open: it is made again from the log, and until then nothing is served.
    case rebuilding
    /// The next opening makes one from the log.
    case missing
    /// The next opening makes another, because.
    case unusable(because: String)
  }

  package let verdict: Verdict
  package let epoch: UInt64?
  /// Everything up to here is in its rows, and nothing later than `touched`.
  package let complete: LSN
  package let touched: LSN
  let index: Index?

  init(_ verdict: Verdict, epoch: UInt64? = nil, _ index: Index? = nil, touched: LSN = .none) {
    self.verdict = verdict
    self.epoch = epoch
    self.index = index
    complete = index?.completeAtOpening ?? .none
    self.touched = max(touched, index?.touchedAtOpening ?? .none)
  }

  /// The newest index, and the state that its note says; the state is there when the index is usable.
  static func open(in parent: String, of store: StoreID) throws(StoreError) -> (IndexLook, StoreState?) {
    let newest: UInt64?
    do throws(SystemError) { newest = try IndexFolder.list(in: parent).ready.last } catch {
      return (IndexLook(.unusable(because: "\(error)")), nil)
    }
    guard let newest else { return (IndexLook(.missing), nil) }
    func unusable(_ why: String) -> (IndexLook, StoreState?) {
      (IndexLook(.unusable(because: why), epoch: newest), nil)
    }
    var options = IndexOptions()
    options.isReadOnly = true
    do throws(IndexError) {
      switch try Index.open(IndexFolder(in: parent, epoch: newest), of: store.bytes, options: options) {
      case .usable(let index):
        guard let state = try index.state() else { return unusable("its note cannot be read") }
        return (IndexLook(.usable, epoch: newest, index), state)
      case .missing: return (IndexLook(.missing), nil)
      case .suspect(let why): return unusable("\(why)")
      case .foreign: return unusable("it is another store's")
      case .unsupported(let what): return unusable("this program does not know \(what)")
      }
    } catch {
      if case .inUse(let folder, let process) = error { throw .log(.inUse(folder: folder, pid: process)) }
      return unusable("\(error)")
    }
  }

  /// How many rows a view version has, deleted ones included; nil when that cannot be read.
  package func rows(of view: ViewVersionID) -> UInt64? {
    guard let index else { return nil }
    do throws(IndexError) {
      var reader = try index.reader()
      try reader.renew()
      defer { reader.reset() }
      return try reader.tally(of: view.rawValue).count
    } catch {
      return nil
    }
  }

  /// Bytes of its file that are used.
  package var byteCount: UInt64? { index?.usedByteCount }

  /// What a walk over every key found.
  package struct Scrub: Equatable, Sendable {
    package var rows: UInt64
    package var byteCount: UInt64
    /// The first of the damages, in words.
    package var damages: [String]
    package var damageCount: UInt64
  }

  /// Looks at every key; nil when there is no usable index.
  package func scrub() throws(StoreError) -> Scrub? {
    guard let index else { return nil }
    var walk: IndexScrub
    do throws(IndexError) { walk = try index.scrub() } catch { throw .index(error) }
    while true {
      guard let report = walk.step(65_536) else { continue }
      return Scrub(
        rows: report.rows, byteCount: report.byteCount, damages: report.damages.map { "\($0)" },
        damageCount: report.damageCount)
    }
  }
}

extension Index {
  /// The state that its note says; nil when there is none that can be read.
  fileprivate func state() throws(IndexError) -> StoreState? {
    var reader = try reader()
    try reader.renew()
    defer { reader.reset() }
    let noted: StoreState?? = try reader.note { bytes in try? StoreState(note: bytes) }
    return noted ?? nil
  }
}

// What is left of a ledger that is damaged: the entries of every section that is as it was written. Each section knows by itself where it
// stands, so one that is not costs its own entries and no other's.

package import ApusBytes
import ApusSystem

package struct LedgerSalvage: Sendable {
  package struct Letter: Sendable {
    package let lsn: LSN
    package let nanoseconds: Int64
    package let body: [UInt8]
  }

  package fileprivate(set) var letters: [Letter] = []
  package fileprivate(set) var frames: [(lsns: LSNRange, nanoseconds: Int64)] = []
  /// Nil when it cannot be read.
  package fileprivate(set) var note: [UInt8]?

  /// Nothing of it.
  package init() {}

  /// Entries that the manifest tells of and that are not here.
  package func lost(of attributes: LedgerAttributes) -> UInt64 {
    let (all, isFar) = attributes.letters.addingReportingOverflow(attributes.frames)
    let found = UInt64(letters.count + frames.count)
    return isFar ? .max : all < found ? 0 : all &- found
  }
}

extension LedgerReader {
  package func salvage() throws(HistoryError) -> LedgerSalvage {
    var salvage = LedgerSalvage()
    var (lastLetter, lastFrame) = (LSN.none, LSN.none)
    for section in sections {
      guard let raw = try readable(section) else { continue }
      switch section.tag {
      case .letters:
        var (last, found) = (lastLetter, [LedgerSalvage.Letter]())
        let isWhole = try? LedgerEntries.letters(raw, section, lsns, path, after: &last) {
          lsn, nanoseconds, body in
          found.append(LedgerSalvage.Letter(lsn: lsn, nanoseconds: nanoseconds, body: body.copied()))
          return true
        }
        if isWhole == true {
          salvage.letters += found
          lastLetter = last
        }
      case .frames:
        var (last, found) = (lastFrame, [(lsns: LSNRange, nanoseconds: Int64)]())
        let isWhole = try? LedgerEntries.frames(raw, section, lsns, path, after: &last) { lsns, nanoseconds in
          found.append((lsns, nanoseconds))
          return true
        }
        if isWhole == true {
          salvage.frames += found
          lastFrame = last
        }
      case .note: salvage.note = raw
      case nil: break
      }
    }
    return salvage
  }

  /// Nil when the section is not as it was written.
  private func readable(_ section: LedgerSection) throws(HistoryError) -> [UInt8]? {
    do throws(HistoryError) { return try raw(of: section) } catch {
      // A sector that the disk does not give back is lost, too; any other refusal is of this process.
      if let refusal = error.refusal, refusal.errno != .inputOutput { throw error }
      if case .newer = error { throw error }
      return nil
    }
  }
}

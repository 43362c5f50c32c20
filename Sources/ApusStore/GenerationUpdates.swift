// A frozen generation, walked in the order of its keys, becomes the updates of one checkpoint, or the rows of a new index.
// The fold is the one of `Fold`; here it only learns which view a row belongs to.

import ApusBytes
import ApusContracts
import ApusIndex

/// The newest versions of a generation, key by key.
struct GenerationUpdates: IndexUpdates, ~Copyable {
  private let ascending: OverlayAscending
  private let catalog: Catalog
  private let current = CurrentView()
  private var place = -1

  /// Which view the update belongs to that was given last: for the fold, which is not told the key.
  final class CurrentView {
    fileprivate(set) var view: CatalogView?
  }

  init(_ generation: FrozenGeneration, _ catalog: Catalog) {
    ascending = generation.ascendingKeys()
    self.catalog = catalog
  }

  var view: CurrentView { current }

  mutating func next() -> Bool {
    place += 1
    guard place < ascending.count else { return false }
    if place % OverlayLimits.scoutedKeysMax == 0 { ascending.touch(from: place) }
    let id = ascending.key(at: place).viewVersionOfKey
    if current.view?.id != id { current.view = catalog[id] }
    return true
  }

  var key: RawSpan { @_lifetime(borrow self) get { ascending.key(at: place) } }
  var row: RawSpan { @_lifetime(borrow self) get { ascending.version(at: place) } }
}

extension GenerationUpdates {
  /// The greatest LSN among the winners of the update that stands; nil when it is no row.
  func greatestLSN() -> LSN? {
    guard let view = current.view else { return nil }
    return Self.greatestLSN(of: row, view.layout)
  }

  fileprivate static func greatestLSN(of row: RawSpan, _ layout: borrowing RowLayout) -> LSN? {
    guard let row = try? RowView(row, layout: layout) else { return nil }
    return row.greatestLSN
  }
}

extension GenerationUpdates.CurrentView {
  /// Folds an update into the row that is there.
  func fold(_ row: IndexRow?, _ update: RawSpan, _ result: inout ByteWriter) -> IndexOutcome {
    guard let layout = view?.layout else { return .unreadable }
    let start = result.count
    do throws(RowError) {
      let new = try RowView(update, layout: layout)
      guard let there = row?.bytes else {
        result.write(update)
        return .write(new.greatestLSN)
      }
      if case .unchanged = Fold.fold(try RowView(there, layout: layout), new, layout: layout, into: &result) {
        return .unchanged
      }
    } catch {
      return .unreadable
    }
    let written = result.bytes.extracting(droppingFirst: start)
    return GenerationUpdates.greatestLSN(of: written, layout).map { .write($0) } ?? .unreadable
  }
}

extension RawSpan {
  /// The last four bytes of a whole key of the index, big-endian: the view version.
  var viewVersionOfKey: ViewVersionID {
    guard byteCount >= 4 else { return ViewVersionID(0) }
    let word = unsafe unsafeLoadUnaligned(fromByteOffset: byteCount - 4, as: UInt32.self)
    return ViewVersionID(UInt32(bigEndian: word))
  }
}

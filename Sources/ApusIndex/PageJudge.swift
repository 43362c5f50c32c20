// Before LMDB copies or frees a page it believes its head, so the pages that a put or a removal will meet are judged first.

import ApusBytes
import ApusSystem

struct PageJudge {
  let bounds: FileBounds
  let region: CrashRegion
  private let pages: Pages
  private let mapByteCount: UInt
  private let pageByteCount: Int

  init(_ index: Index) {
    bounds = index.bounds
    region = index.environment.region
    pages = Pages(bounds: bounds, pageByteCount: UInt(truncatingIfNeeded: index.environment.pageByteCount))
    mapByteCount = index.environment.mapByteCount
    pageByteCount = Int(truncatingIfNeeded: index.environment.pageByteCount)
  }

  /// What is not in the map is a page that this transaction has copied already.
  func isClean(_ place: Place) -> Bool { place.start &- bounds.start < mapByteCount }

  /// Whether bytes may be read. Those on a copied page lie in LMDB's own memory, inside of that page: rows and records on pages of their own are
  /// copied only when they are written, and no key comes twice.
  func isReadable(_ place: Place) -> Bool {
    isClean(place) ? bounds.holds(place) : place.byteCount <= pageByteCount
  }

  /// Judges where a key stands, or where it would: before `found`, or at the end of the leaf before. The cursor remains on a key that is there.
  func leaves(
    around found: Found, isThere: Bool, in transaction: inout WriteTransaction
  ) throws(IndexError) {
    let before = region.enter()
    defer { region.leave(before) }
    if found.code == LMDB.success { try leaf(of: found.key) }
    if isThere { return try large(found) }
    let previous = transaction.previous()
    guard previous.code == LMDB.success else {
      if previous.code == LMDB.notFound { return }
      throw LMDB.error("mdb_cursor_get", previous.code)
    }
    if found.code == LMDB.success, isClean(found.key), isClean(previous.key), bounds.holds(previous.key),
      pages.number(of: previous.key) == pages.number(of: found.key)
    {
      return
    }
    try leaf(of: previous.key)
  }

  private func leaf(of key: Place) throws(IndexError) {
    guard isClean(key) else { return }
    guard bounds.holds(key) else { throw .damaged(.key([])) }
    let number = pages.number(of: key)
    guard pages.isSound(number) else { throw .damaged(.page(number)) }
  }

  private func large(_ found: Found) throws(IndexError) {
    guard bounds.holds(found.value) else { return }
    let key = bounds.holds(found.key) ? found.key : nil
    guard let own = pages.pages(of: found.value, besideKey: key) else { return }
    guard pages.isSound(large: own) else { throw .damaged(.page(own.lowerBound)) }
  }
}

package import ApusBytes
import ApusSystem
import Synchronization

/// An index that is open: what readers, the writer and the scrub are made from.
///
/// LMDB's environment is closed, and the folder's lock given back, when the last of them is gone; never earlier. May be used from any thread.
package final class Index: Sendable {
  package let folder: IndexFolder
  package let storeID: [UInt8]
  package let options: IndexOptions
  private let progress: IndexProgress
  let environment: Environment
  let seal: ValueSeal
  /// Where the file begins in memory, as long as the environment is open.
  let mapStart: UInt
  let bookmarks: BookmarkShelf
  private let isGivenUp = Atomic<Bool>(false)
  private let hasWriter = Atomic<Bool>(false)

  init(
    _ folder: IndexFolder, storeID: [UInt8], options: IndexOptions, progress: IndexProgress,
    environment: Environment, mapStart: UInt
  ) {
    self.folder = folder
    self.storeID = storeID
    self.options = options
    self.progress = progress
    self.environment = environment
    self.mapStart = mapStart
    bookmarks = BookmarkShelf(byteCountMax: options.bookmarkByteCountMax)
    seal = ValueSeal(storeID: storeID, epoch: folder.epoch)
  }

  package var epoch: UInt64 { folder.epoch }
  /// *Touched* and *complete* as of the opening; later a reader or the writer knows.
  package var touchedAtOpening: LSN { progress.touched }
  package var completeAtOpening: LSN { progress.complete }

  /// A reader for one thread.
  package func reader() throws(IndexError) -> IndexReader { try IndexReader(of: self) }

  /// The writer: one at a time.
  package func writer() throws(IndexError) -> IndexWriter {
    precondition(
      hasWriter.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged,
      "an index has one writer at a time")
    do throws(IndexError) { return try IndexWriter(of: self) } catch {
      releaseWriter()
      throw error
    }
  }

  func releaseWriter() { hasWriter.store(false, ordering: .releasing) }

  package func scrub() throws(IndexError) -> IndexScrub { try IndexScrub(of: self) }

  /// Says durably that this index must not be opened again; it is to be rebuilt.
  package func markSuspect(_ why: String) throws(IndexError) {
    isGivenUp.store(true, ordering: .releasing)
    try wrapping { () throws(SystemError) in try folder.markSuspect(why) }
  }

  /// Whether a commit failed or the index was marked suspect since it was opened.
  package var isSuspect: Bool { isGivenUp.load(ordering: .acquiring) }

  /// Frees the slots of readers whose process is gone; says how many.
  @discardableResult
  package func clearDeadReaders() throws(IndexError) -> Int { try environment.clearDeadReaders() }

  /// Bytes of the file up to its last used page.
  package var usedByteCount: UInt64 { environment.usedByteCount }

  /// Bytes that the bookmarks of all readers have.
  package var bookmarkByteCount: Int { bookmarks.byteCount }

  var bounds: FileBounds {
    FileBounds(start: mapStart, byteCount: UInt(truncatingIfNeeded: environment.usedByteCount))
  }
}

package struct IndexOptions: Sendable {
  /// How large `data.mdb` may grow. It may be another at every opening.
  package var quotaByteCount: UInt64 = 1 << 40
  /// About how many pages a transaction may dirty before it is committed.
  package var dirtyPagesMax = IndexFormat.dirtyPagesMax
  /// Rows in a row that come behind all others, before those that follow are appended.
  package var appendRunMin = IndexFormat.appendRunMin
  package var readersMax = IndexFormat.readersMax
  package var mapByteCount = IndexFormat.mapByteCount
  /// How large the bookmarks of all readers may grow together.
  package var bookmarkByteCountMax = IndexFormat.bookmarkByteCountMax
  /// Only to be looked at: several processes may, each of them read-only, and nobody else has it open meanwhile.
  package var isReadOnly = false

  package init() {}

  /// The map ends where the quota does, so that LMDB itself takes no page beyond: what the list of free pages names may be held by readers.
  var mapByteCountMax: Int { max(1, min(mapByteCount, Int(clamping: quotaByteCount))) }

  /// The same error, which calls the end of the map by the name of what put it there.
  func named(_ error: IndexError) -> IndexError {
    if case .full(.map) = error, quotaByteCount < UInt64(mapByteCount) {
      return .full(.quota(byteCount: quotaByteCount))
    }
    return error
  }
}

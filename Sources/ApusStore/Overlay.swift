// What the writer and the readers of an overlay share: words in memory, each in a line of its own.
//
// `visible` and `epoch` never go back. A reader's word is 0, or the epoch at which its read began. Overlay.md argues
// why that is enough for readers that never wait.

package import ApusBytes

/// The newest events in memory, for one `OverlayWriter` and a bounded number of `OverlayReader`s.
///
/// The words are atomic, and where they lie is immutable. `estate` is owned by the writer until its end, and
/// afterwards by this object's.
@safe
package final class Overlay: @unchecked Sendable {
  let hash: OverlayHash
  package let byteCountBudget: Int
  private let memory: OverlayAllocation
  private let words: OverlayWord
  /// What the writer leaves behind, so that reads go on after it. Freed with the last reader.
  var estate: [OverlayAllocation] = []

  init(byteCountBudget: Int, hash: OverlayHash, visible: LSN) {
    self.hash = hash
    self.byteCountBudget = byteCountBudget
    memory = OverlayAllocation(
      byteCount: Self.lineCount * OverlayLimits.lineByteCount, alignment: OverlayLimits.lineByteCount)
    words = memory.makeWords(count: Self.lineCount * Self.wordsPerLine)
    self.visible.relaxed = UInt(visible.rawValue)
    epoch.relaxed = 1
  }
}

// What anybody may ask, at any time.

extension Overlay {
  package struct Statistics: Sendable, Equatable {
    /// Everything up to this LSN can be read.
    package let visible: LSN
    /// Memory of all generations, and of what could not be freed yet.
    package let byteCount: Int
    /// The part that has left the root, or the table, and waits for readers inside a read.
    package let heldBackByteCount: Int
    package let generationCount: Int
    package let readerCount: Int
    /// Readers inside a read at this moment.
    package let activeReaderCount: Int
  }

  /// Whether writers must be refused until a checkpoint has made room.
  package var isOverBudget: Bool {
    Int(bitPattern: byteCountWord.relaxed) > byteCountBudget
  }

  /// Each number is right by itself; together they may be of slightly different moments.
  package var statistics: Statistics {
    var readers = 0
    var active = 0
    for place in 0..<OverlayLimits.readersMax {
      if claim(place).relaxed != 0 { readers += 1 }
      if slot(place).relaxed != 0 { active += 1 }
    }
    return Statistics(
      visible: LSN(UInt64(visible.published)),
      byteCount: Int(bitPattern: byteCountWord.relaxed),
      heldBackByteCount: Int(bitPattern: heldBackWord.relaxed),
      generationCount: Int(bitPattern: generationCountWord.relaxed),
      readerCount: readers, activeReaderCount: active)
  }
}

// Places for readers.

extension Overlay {
  /// Takes a place that nobody has.
  func claimPlace() throws(OverlayError) -> Int {
    for place in 0..<OverlayLimits.readersMax where claim(place).claim() {
      return place
    }
    throw .readersExhausted(limit: OverlayLimits.readersMax)
  }

  func releasePlace(_ place: Int) { claim(place).published = 0 }

  /// The earliest epoch at which a read began that has not ended; `UInt.max` when nobody reads.
  var earliestEpoch: UInt {
    var earliest = UInt.max
    for place in 0..<OverlayLimits.readersMax {
      // In the order of all, as the store in `OverlayReader.enter`.
      let epoch = slot(place).ordered
      if epoch != 0 { earliest = min(earliest, epoch) }
    }
    return earliest
  }
}

// Where the words lie: one to a line, and a reader's two in the line of the reader.

extension Overlay {
  private static let wordsPerLine = OverlayLimits.lineByteCount / MemoryLayout<UInt>.stride
  private static let slotsAt = 4
  private static let lineCount = slotsAt + OverlayLimits.readersMax

  private func word(line: Int, at place: Int = 0) -> OverlayWord {
    // Every line below `lineCount` was initialised, and lives as long as `self`.
    words[line * Self.wordsPerLine + place]
  }

  var visible: OverlayWord { word(line: 0) }
  /// The word of the root; see `OverlayRoot`.
  var root: OverlayWord { word(line: 1) }
  var epoch: OverlayWord { word(line: 2) }
  var byteCountWord: OverlayWord { word(line: 3) }
  var heldBackWord: OverlayWord { word(line: 3, at: 1) }
  var generationCountWord: OverlayWord { word(line: 3, at: 2) }
  func slot(_ place: Int) -> OverlayWord { word(line: Self.slotsAt + place) }
  private func claim(_ place: Int) -> OverlayWord { word(line: Self.slotsAt + place, at: 1) }
}

// Memory that readers may still be looking at, though nothing leads to it any more.

/// Pieces in the order in which they were retired. One may go when every read that began at its epoch, or before,
/// has ended.
struct OverlayLimbo: ~Copyable {
  private struct Piece {
    let epoch: UInt
    let byteCount: Int
    let memory: [OverlayAllocation]
  }

  private var pieces: [Piece] = []
  private(set) var byteCount = 0

  var isEmpty: Bool { pieces.isEmpty }
  var memory: [OverlayAllocation] { pieces.flatMap(\.memory) }

  mutating func take(_ memory: [OverlayAllocation], at epoch: UInt) {
    let count = memory.reduce(0) { sum, one in sum + one.byteCount }
    pieces.append(Piece(epoch: epoch, byteCount: count, memory: memory))
    byteCount += count
  }

  /// Lets go of everything that was retired before the earliest read began.
  mutating func release(before earliest: UInt) {
    let gone = pieces.prefix { piece in piece.epoch < earliest }
    byteCount -= gone.reduce(0) { sum, piece in sum + piece.byteCount }
    pieces.removeFirst(gone.count)
  }
}

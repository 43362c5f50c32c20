// A generation's memory for entries and versions: it only grows, and goes all at once.

/// Chunks, and what is left of the newest. Places are aligned to 8 and never given out twice.
@safe
struct OverlayArena: ~Copyable {
  private(set) var chunks: [OverlayAllocation] = []
  private(set) var byteCount = 0
  /// The unused rest of the newest shared chunk; nil before the first.
  private var rest: UnsafeMutableRawPointer?
  private var restByteCount = 0

  static let alignment = 8

  static func rounded(_ byteCount: Int) -> Int { (byteCount + alignment - 1) & ~(alignment - 1) }

  /// A place of `byteCount` bytes, a multiple of the alignment, that is this caller's alone.
  mutating func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    if byteCount <= restByteCount, let place = unsafe rest {
      unsafe rest = unsafe place + byteCount
      restByteCount &-= byteCount
      return unsafe place
    }
    return unsafe allocateFromNewChunk(byteCount)
  }

  @inline(never)
  private mutating func allocateFromNewChunk(_ needed: Int) -> UnsafeMutableRawPointer {
    let isShared = needed <= OverlayLimits.sharedByteCountMax
    let shared = min(max(byteCount, OverlayLimits.chunkByteCountMin), OverlayLimits.chunkByteCountMax)
    let chunk = OverlayAllocation(byteCount: max(needed, isShared ? shared : 0), alignment: Self.alignment)
    chunks.append(chunk)
    byteCount += chunk.byteCount
    // What needs a chunk of its own leaves the rest of the shared one to others.
    guard isShared else { return unsafe chunk.start }
    unsafe rest = unsafe chunk.start + needed
    restByteCount = chunk.byteCount - needed
    return unsafe chunk.start
  }
}

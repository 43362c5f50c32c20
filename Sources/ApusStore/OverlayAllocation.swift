// The overlay's memory comes and goes here and nowhere else: chunks, tables, roots, and the lines that threads share.

/// One piece of memory, freed when the last who names it lets go. Its address and size are for life.
///
/// Who may write what into it, and when, is for the owner of its contents to say.
@safe
final class OverlayAllocation: Sendable {
  let byteCount: Int
  private let address: UInt

  var start: UnsafeMutableRawPointer { unsafe Self.place(address) }

  init(byteCount: Int, alignment: Int) {
    precondition(byteCount > 0, "an allocation has bytes")
    let start = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: alignment)
    self.byteCount = byteCount
    address = UInt(bitPattern: start)
    // The bits above are used for other things: see OverlayTable.
    precondition(address >> OverlayTable.addressBitCount == 0, "an address fits 48 bits")
  }

  deinit { unsafe start.deallocate() }

  /// A place in an allocation that somebody holds: an address is put into a word only by whoever was given the place.
  @inline(__always)
  static func place(_ address: UInt) -> UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped
  }
}

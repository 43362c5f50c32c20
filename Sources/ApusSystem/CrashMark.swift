// A file that appears if and only if this process dies inside of a region: by a fault, a trap or an abort of the very thread that
// entered it. A crash elsewhere, on another thread, by somebody else's signal, by kill -9 or a power cut leaves nothing.
//
// For what a library does with damaged files: a store that finds the mark does not open those files again.

import CCrashMark

/// Armed as long as it lives. Owned by whoever owns what the region protects, and outlives every thread's stay inside.
package struct CrashMark: ~Copyable, Sendable {
  package let region: CrashRegion

  /// Lets `file`, of a folder that is there, appear at a crash inside of the region. It must not be there yet.
  package init(file: String) throws(SystemError) {
    let folder = file.lastIndex(of: "/").map { $0 == file.startIndex ? "/" : String(file[..<$0]) } ?? "."
    let number = try Kernel.call("sigaction", on: file) { unsafe crash_mark_arm(file, folder) }
    // At most as many as there are slots.
    region = CrashRegion(number: UInt32(number))
  }

  deinit { crash_mark_disarm(region.number) }
}

/// What a thread enters and leaves, in one or two nanoseconds together.
package struct CrashRegion: Sendable {
  @usableFromInline let number: UInt32

  @usableFromInline init(number: UInt32) { self.number = number }

  /// In which a crash marks nothing.
  package static let none = CrashRegion(number: 0)

  /// The region that the thread was in before; to be given back to `leave`.
  @inlinable @inline(__always)
  package func enter() -> UInt32 { crash_mark_enter(number) }

  @inlinable @inline(__always)
  package func leave(_ before: UInt32) { crash_mark_leave(before) }

  /// Runs `body` inside.
  @inlinable @inline(__always)
  package func inside<T: ~Copyable, E: Error>(_ body: () throws(E) -> T) throws(E) -> T {
    let before = enter()
    defer { leave(before) }
    return try body()
  }
}

// How a key and its versions lie in memory: an entry names its newest version, each version the one before it.
//
// An entry's key and hash, and all of a version, are written before their address is stored with release order, and
// never change afterwards. The only word that changes is an entry's `newest`. Both live as long as their generation.

import ApusBytes

/// A key of one generation.
@safe
struct OverlayEntry {
  // at  0  newest   the address of the newest version; never 0 once the entry can be found
  // at  8  hash
  // at 16  key byte count, 4 bytes, and 4 unused
  // at 24  the key
  static let hashAt = 8
  static let keyByteCountAt = hashAt + 8
  static let headerByteCount = keyByteCountAt + 8

  let address: UnsafeMutableRawPointer

  init(address: UnsafeMutableRawPointer) { unsafe self.address = unsafe address }

  /// The entry whose address is in a word.
  @inline(__always)
  init(word: UInt) { unsafe address = unsafe OverlayAllocation.place(word) }

  var word: UInt { unsafe UInt(bitPattern: address) }

  private var newestWord: OverlayWord { unsafe OverlayWord(madeAt: address) }

  /// Loads a word of it, for the processor's caches alone. An atomic one is not left out, though nobody uses it.
  func touch() { _ = newestWord.relaxed }

  var hash: UInt64 { unsafe address.load(fromByteOffset: Self.hashAt, as: UInt64.self) }

  var keyByteCount: Int {
    Int(truncatingIfNeeded: unsafe address.load(fromByteOffset: Self.keyByteCountAt, as: UInt32.self))
  }

  /// The key, borrowed from the generation: whoever holds an entry holds that, and takes no longer lifetime.
  var key: RawSpan {
    @_lifetime(borrow self) get {
      let bytes = unsafe UnsafeRawBufferPointer(start: address + Self.headerByteCount, count: keyByteCount)
      return unsafe _overrideLifetime(RawSpan(_unsafeBytes: bytes), borrowing: self)
    }
  }

  @inline(__always)
  func hasKey(_ other: RawSpan) -> Bool {
    let count = other.byteCount
    guard keyByteCount == count else { return false }
    let own = unsafe UnsafeRawPointer(address) + Self.headerByteCount
    // Both have `count` bytes, and no load passes them.
    guard count >= 8 else {
      var at = 0
      while at < count {
        if unsafe own.load(fromByteOffset: at, as: UInt8.self)
          != other.unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)
        {
          return false
        }
        at &+= 1
      }
      return true
    }
    var at = 0
    while at &+ 8 < count {
      if unsafe own.loadUnaligned(fromByteOffset: at, as: UInt64.self)
        != other.unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt64.self)
      {
        return false
      }
      at &+= 8
    }
    // The last eight bytes may overlap those compared already.
    return unsafe own.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
      == other.unsafeLoadUnaligned(fromUncheckedByteOffset: count &- 8, as: UInt64.self)
  }

  var newest: OverlayVersion {
    // Acquire: pairs with the release in `setNewest`, so all of the version is there.
    OverlayVersion(word: newestWord.published)
  }

  /// The newest version that a read at `limit` may see, or nil when the key is younger.
  @inline(__always)
  func newest(through limit: UInt64) -> OverlayVersion? {
    var version = newest
    while version.lsn > limit {
      guard let older = version.older else { return nil }
      version = older
    }
    return version
  }

  /// Shows a version to readers. Only the writer calls it.
  func setNewest(_ version: OverlayVersion) {
    newestWord.published = version.word
  }
}

/// The fold of a key's events in its generation, up to one LSN.
@safe
struct OverlayVersion {
  // at  0  lsn      of the last event folded in
  // at  8  older    the address of the version before, or 0
  // at 16  byte count, 4 bytes, and 4 unused
  // at 24  the bytes
  static let olderAt = 8
  static let byteCountAt = olderAt + 8
  static let headerByteCount = byteCountAt + 8

  let address: UnsafeMutableRawPointer

  init(address: UnsafeMutableRawPointer) { unsafe self.address = unsafe address }

  /// The version whose address is in a word.
  @inline(__always)
  init(word: UInt) { unsafe address = unsafe OverlayAllocation.place(word) }

  var word: UInt { unsafe UInt(bitPattern: address) }

  var lsn: UInt64 { unsafe address.load(as: UInt64.self) }

  /// The same as an entry's, for each line of a row that is not long.
  func touch(_ byteCountMax: Int) {
    let byteCount = min(Self.headerByteCount + bytes.byteCount, byteCountMax)
    var at = 0
    while at &+ 8 <= byteCount {
      _ = unsafe OverlayWord(madeAt: address + at).relaxed
      at &+= Self.cacheLineByteCount
    }
  }

  private static let cacheLineByteCount = 64
  /// What a fold of a later event looks at: a row's head, stamp and states.
  static let foldedByteCount = 128
  /// What a checkpoint looks at: all of a row that is not long. What follows, the processor asks for by itself.
  static let copiedByteCount = 256

  var older: OverlayVersion? {
    let older = unsafe address.load(fromByteOffset: Self.olderAt, as: UInt.self)
    return older == 0 ? nil : OverlayVersion(word: older)
  }

  /// The bytes, borrowed from the generation: whoever holds a version holds that, and takes no longer lifetime.
  var bytes: RawSpan {
    @_lifetime(borrow self) get {
      let count = Int(
        truncatingIfNeeded: unsafe address.load(fromByteOffset: Self.byteCountAt, as: UInt32.self))
      let bytes = unsafe UnsafeRawBufferPointer(start: address + Self.headerByteCount, count: count)
      return unsafe _overrideLifetime(RawSpan(_unsafeBytes: bytes), borrowing: self)
    }
  }
}

// Writing them: each once, into memory that nobody else knows yet and that has the room its `byteCount` says.

extension OverlayEntry {
  static func byteCount(key: RawSpan) -> Int { OverlayArena.rounded(headerByteCount + key.byteCount) }

  static func write(key: RawSpan, hash: UInt64, newest: OverlayVersion, at place: UnsafeMutableRawPointer)
    -> OverlayEntry
  {
    _ = unsafe OverlayWord(at: place, holding: newest.word)
    unsafe place.storeBytes(of: hash, toByteOffset: hashAt, as: UInt64.self)
    unsafe place.storeBytes(
      of: UInt32(truncatingIfNeeded: key.byteCount), toByteOffset: keyByteCountAt, as: UInt32.self)
    unsafe key.withUnsafeBytes { bytes in
      if let start = bytes.baseAddress {
        unsafe (place + headerByteCount).copyMemory(from: start, byteCount: bytes.count)
      }
    }
    return unsafe OverlayEntry(address: place)
  }
}

extension OverlayVersion {
  static func byteCount(bytes: RawSpan) -> Int { OverlayArena.rounded(headerByteCount + bytes.byteCount) }

  static func write(
    _ bytes: RawSpan, lsn: LSN, older: OverlayVersion?, at place: UnsafeMutableRawPointer
  ) -> OverlayVersion {
    let olderAddress = if let older { older.word } else { 0 as UInt }
    unsafe place.storeBytes(of: lsn.rawValue, as: UInt64.self)
    unsafe place.storeBytes(of: olderAddress, toByteOffset: olderAt, as: UInt.self)
    unsafe place.storeBytes(
      of: UInt32(truncatingIfNeeded: bytes.byteCount), toByteOffset: byteCountAt, as: UInt32.self)
    unsafe bytes.withUnsafeBytes { source in
      if let start = source.baseAddress {
        unsafe (place + headerByteCount).copyMemory(from: start, byteCount: source.count)
      }
    }
    return unsafe OverlayVersion(address: place)
  }
}

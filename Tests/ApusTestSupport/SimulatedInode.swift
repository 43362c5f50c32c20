// A file of the simulated disk, in two pictures: what the disk would keep, and what reads see.
//
// `current` and `durable` differ only in sectors that are in `unsynced` or in `disowned`, and past the end
// of the shorter one. A sync makes them equal, except in disowned sectors.

struct SimulatedInode {
  static let sectorLength = 512

  /// What reads see: the page cache over the disk.
  private(set) var current: [UInt8] = []
  /// What is surely on the disk.
  private(set) var durable: [UInt8] = []
  /// Sectors written since the last sync, each with everything it has contained since, oldest first.
  ///
  /// A version may be shorter than a sector; zeroes follow.
  private(set) var unsynced: [Int: [[UInt8]]] = [:]
  /// Sizes the file has had since the last sync, the durable one first.
  private(set) var sizes: [Int] = [0]
  /// Sectors that the cache shows but no sync will write: a sync failed over them and the kernel called
  /// them clean.
  private(set) var disowned: Set<Int> = []

  /// Names in the live tree, and open handles. With neither, the file's space is free again.
  var links = 0
  var handles = 0

  var isHeld: Bool { links > 0 || handles > 0 }

  /// The space it takes: a sector for itself, and its content without saving holes.
  var charge: Int { Self.charge(of: current.count) }

  static func charge(of size: Int) -> Int { (sectors(0..<size).count + 1) * sectorLength }

  /// The largest size that takes no more space than `charge`.
  static func sizeMax(within charge: Int) -> Int { max(0, charge / sectorLength - 1) * sectorLength }

  static func sectors(_ bytes: Range<Int>) -> Range<Int> {
    bytes.isEmpty ? 0..<0 : bytes.lowerBound / sectorLength..<(bytes.upperBound - 1) / sectorLength + 1
  }
}

// What programs do

extension SimulatedInode {
  mutating func write(_ bytes: RawSpan, at start: Int) {
    let end = start + bytes.byteCount
    if bytes.byteCount == 0 { return }
    if end > current.count { grow(to: end) }
    current.overwrite(at: start, with: bytes)
    for sector in Self.sectors(start..<end) { noteVersion(of: sector) }
  }

  mutating func grow(to size: Int) {
    guard size > current.count else { return }
    current.resize(to: size)
    sizes.append(size)
  }

  /// What was beyond reads as zeroes if the file grows again, but the disk does not know that yet.
  mutating func cut(to size: Int) {
    guard size < current.count else { return grow(to: size) }
    let before = max(current.count, durable.count)
    current.resize(to: size)
    sizes.append(size)
    for sector in Self.sectors(size..<before) { noteVersion(of: sector) }
  }

  mutating func sync() {
    durable.resize(to: current.count)
    for sector in unsynced.keys { copyToDurable(sector) }
    unsynced.removeAll(keepingCapacity: true)
    sizes = [current.count]
  }

  /// The sync failed: the kernel forgets that these sectors were ever to be written.
  ///
  /// Those for which `arrives` says so reached the disk all the same. The size is metadata, and still due.
  mutating func failSync(arrives: (Int) -> Bool) {
    for sector in unsynced.keys.sorted() {
      if arrives(sector) {
        if durable.count < current.count { durable.resize(to: current.count) }
        copyToDurable(sector)
      } else {
        disowned.insert(sector)
      }
    }
    unsynced.removeAll(keepingCapacity: true)
  }

  /// Reads come from the disk again, except where something is still to be written.
  mutating func dropCache() {
    for sector in disowned {
      if unsynced[sector] != nil { continue }
      current.overlay(at: sector * Self.sectorLength, with: durableSector(sector))
      disowned.remove(sector)
    }
  }

  private mutating func noteVersion(of sector: Int) {
    let start = sector * Self.sectorLength
    let version =
      start < current.count ? Array(current[start..<min(start + Self.sectorLength, current.count)]) : []
    unsynced[sector, default: []].append(version)
    // A page that is written to is due again, with all that is on it.
    disowned.remove(sector)
  }

  private mutating func copyToDurable(_ sector: Int) {
    let start = sector * Self.sectorLength
    guard start < current.count else { return }
    durable.overlay(at: start, with: current[start..<min(start + Self.sectorLength, current.count)])
  }

  /// A whole sector as the disk has it, zeroes past the end.
  private func durableSector(_ sector: Int) -> [UInt8] {
    let start = sector * Self.sectorLength
    var bytes =
      start < durable.count ? Array(durable[start..<min(start + Self.sectorLength, durable.count)]) : []
    bytes.resize(to: Self.sectorLength)
    return bytes
  }
}

// What power cuts and time do

extension SimulatedInode {
  /// The power is cut: the disk keeps what `fate` says of each unsynced sector, and one of the sizes.
  mutating func crash(size: Int, fate: (_ sector: Int, _ old: [UInt8], _ versions: [[UInt8]]) -> [UInt8]?) {
    durable.resize(to: max(size, durable.count))
    for (sector, versions) in unsynced.sorted(by: { $0.key < $1.key }) {
      guard var bytes = fate(sector, durableSector(sector), versions) else { continue }
      bytes.resize(to: Self.sectorLength)
      durable.overlay(at: sector * Self.sectorLength, with: bytes)
    }
    durable.resize(to: size)
    becomeDurable()
  }

  /// Flips one bit on the disk, and in the cache if that has been read from it again.
  mutating func flip(byte: Int, bit: Int, inCache: Bool) {
    let mask = UInt8(1) << UInt8(bit)
    if byte < durable.count { durable[byte] ^= mask }
    if inCache {
      if byte < current.count { current[byte] ^= mask }
    } else if unsynced[byte / Self.sectorLength] == nil {
      disowned.insert(byte / Self.sectorLength)
    }
  }

  /// A file that was there before the story began.
  mutating func plant(_ bytes: [UInt8]) {
    durable = bytes
    becomeDurable()
  }

  /// Frees what only a program that has it open could have seen.
  mutating func forget() {
    durable = []
    becomeDurable()
  }

  private mutating func becomeDurable() {
    current = durable
    unsynced.removeAll()
    disowned.removeAll()
    sizes = [durable.count]
  }
}

package import ApusBytes
package import ApusSystem

/// Why changes do not make a manifest.
package enum ManifestFault: Error, Equatable, Sendable, CustomStringConvertible {
  case unknownChange(UInt16)
  case malformed(String)
  case contradiction(String)

  package var description: String {
    switch self {
    case .unknownChange(let tag): "change \(tag), which this program does not know"
    case .malformed(let why), .contradiction(let why): why
    }
  }
}

/// What the store is made of and what it has promised: a pure value, built by applying changes from nothing.
///
/// `verify` holds after every edit: segments and gaps, in order, cover [floor, end] without hole or overlap; only the
/// last segment is unfinished; nothing lies at or above the ceiling.
package struct ManifestState: Equatable, Sendable {
  package private(set) var epoch: UInt32 = 0
  /// LSNs from here on were never given out.
  package private(set) var ceiling = LSN.first
  package private(set) var floor = LSN.first
  package private(set) var nextFile = FileID(1)
  /// Ids below `nextFile` that this epoch's writer may still add. What an earlier one reserved is never used.
  package private(set) var reserved: [FileID] = []
  /// By id, which is the order in which they were added.
  package private(set) var files: [FileRecord] = []
  /// Removed files whose unlink is not known to be durable.
  package private(set) var removed: [FileRecord] = []
  package private(set) var gaps: [LSNRange] = []
  package private(set) var damages: [Damage] = []
  package private(set) var lastAppendTime: WallTime?
  /// Losses that a person accepted, in that order. Kept for good, as what they took is gone for good.
  package private(set) var accepted: [AcceptedLoss] = []
  /// The LSNs of all of them.
  package private(set) var acceptedLSNs = LSNRanges()
  /// Of these, those of which the newest rows lack nothing.
  package private(set) var held = LSNRanges()
  /// Files of history that a person gave up, whole or in part, in that order. Kept for good.
  package private(set) var givenUp: [GivenUp] = []
  /// Erasures of the log from the floor on, by their LSNs. Below it the newest ledger has them.
  package private(set) var keptErasures: [KeptErasure] = []
  /// From this LSN on all of them are here; nil where nobody ever kept any.
  package private(set) var erasuresKeptFrom: LSN?
  /// Where the store's later timelines begin, in order.
  package private(set) var forks: [Fork] = []

  package init() {}

  package var segments: [FileRecord] { files.filter { $0.kind == .segment } }
  /// Runs and ledgers, and whatever else is no segment.
  package var history: [FileRecord] { files.filter { $0.kind != .segment } }
  /// The segment that is not finished.
  package var active: FileRecord? { files.last { $0.kind == .segment && $0.seal == nil } }

  /// All of a segment, as damage. What an unfinished one held nobody knows: it may have been all that was given out.
  func whole(_ segment: FileRecord) -> Damage {
    Damage(
      file: segment.id, firstByte: 0, endByte: segment.seal?.byteCount ?? 0,
      lsns: LSNRange(segment.first, through: segment.seal?.last ?? ceiling.previous))
  }

  /// The LSN behind the finished segments and gaps.
  package var sealedEnd: LSN {
    let sealed = files.last { $0.kind == .segment && $0.seal != nil }?.seal?.last.next ?? floor
    return max(sealed, gaps.last?.last.next ?? floor)
  }

  package func applying(_ changes: [ManifestChange]) throws(ManifestFault) -> ManifestState {
    var state = self
    for change in changes { try state.apply(change) }
    try state.verify()
    return state
  }

  private mutating func apply(_ change: ManifestChange) throws(ManifestFault) {
    switch change {
    case .epoch(let epoch):
      guard epoch > self.epoch else { throw .contradiction("epoch \(epoch) does not follow \(self.epoch)") }
      self.epoch = epoch
      reserved = []
    case .ceiling(let lsn): ceiling = lsn
    case .floor(let lsn):
      guard lsn >= floor else { throw .contradiction("the floor goes down from \(floor) to \(lsn)") }
      floor = lsn
      gaps.removeAll { $0.last < lsn }
      damages.removeAll { $0.file == .none && $0.lsns.last < lsn }
      keptErasures.removeAll { $0.lsn < lsn }
    case .nextFile(let id):
      guard id >= nextFile else { throw .contradiction("file ids go back from \(nextFile) to \(id)") }
      nextFile = id
    case .add(let file):
      let place = reserved.firstIndex(of: file.id)
      guard file.id >= nextFile || place != nil else {
        throw .contradiction("file id \(file.id) is used twice")
      }
      guard file.liesInside else { throw .contradiction("file \(file.id) has a name that leads elsewhere") }
      guard !files.contains(where: { $0.name == file.name }),
        !removed.contains(where: { $0.name == file.name })
      else { throw .contradiction("two files have the name \(file.name)") }
      if let place { reserved.remove(at: place) }
      files.insert(file, at: files.lastIndex { $0.id < file.id }.map { $0 + 1 } ?? 0)
      nextFile = max(nextFile, file.id.next)
    case .seal(let id, let seal):
      let at = try index(of: id)
      guard files[at].seal == nil else { throw .contradiction("file \(id) is finished twice") }
      files[at].seal = seal
      if seal.frames > 0 { lastAppendTime = seal.lastTime }
    case .remove(let id):
      removed.append(files.remove(at: try index(of: id)))
      damages.removeAll { $0.file == id }
    case .forget(let id): removed.removeAll { $0.id == id }
    case .gap(let lsns):
      guard !lsns.isEmpty else { throw .contradiction("a gap without an LSN") }
      // Two openings in a row without a record leave one gap, not two.
      if let last = gaps.last, last.last.next == lsns.first {
        gaps[gaps.count - 1] = LSNRange(last.first, through: lsns.last)
      } else {
        gaps.append(lsns)
      }
    case .damage(let damage):
      if damage.file != .none { _ = try index(of: damage.file) }
      damages.append(damage)
    case .appendTime(let time): lastAppendTime = time
    case .accepted(let loss):
      guard !loss.lsns.isEmpty, loss.lsns.first >= .first, loss.lsns.last < ceiling else {
        throw .contradiction("the loss of \(loss.lsns) was accepted, and they were never given out")
      }
      accepted.append(loss)
      acceptedLSNs.insert(loss.lsns)
    case .fork(let fork):
      let isNew = fork.timeline != fork.parent && !forks.contains { $0.parent == fork.timeline }
      guard isNew, forks.last.map({ $0.timeline == fork.parent }) ?? true else {
        throw .contradiction("timeline \(fork.timeline) does not follow the one before it")
      }
      forks.append(fork)
    case .reserve(let first, let end):
      guard first >= nextFile, end.rawValue > first.rawValue,
        end.rawValue - first.rawValue <= UInt64(ManifestState.reservedMax - reserved.count)
      else { throw .contradiction("file ids \(first) to \(end) cannot be reserved") }
      reserved += (first.rawValue..<end.rawValue).map { FileID($0) }
      nextFile = end
    case .held(let lsns):
      guard !lsns.isEmpty, acceptedLSNs.covers(lsns) else {
        throw .contradiction("\(lsns) are held, and nobody accepted their loss")
      }
      held.insert(lsns)
    case .givenUp(let file):
      guard !file.lsns.isEmpty, file.lsns.first >= .first, file.lsns.last < ceiling else {
        throw .contradiction("\(file.lsns) of file \(file.file) are given up, and they were never given out")
      }
      givenUp.append(file)
    case .erased(let erasure): try keep(erasure)
    case .erasuresKept(let lsn):
      guard erasuresKeptFrom == nil else { throw .contradiction("erasures are kept from two LSNs on") }
      erasuresKeptFrom = lsn
    }
  }

  private mutating func keep(_ erasure: KeptErasure) throws(ManifestFault) {
    if let fault = erasure.fault { throw .contradiction(fault) }
    guard erasure.lsn >= .first, erasure.lsn < ceiling else {
      throw .contradiction("LSN \(erasure.lsn) is an erasure's, and was never given out")
    }
    guard erasure.keyCount <= Self.keptErasureKeysMax - keptErasureKeyCount else {
      throw .contradiction("erasures of more than \(Self.keptErasureKeysMax) keys")
    }
    // One that came late, when the floor had passed it.
    if erasure.lsn < floor { return }
    let place = keptErasures.lastIndex { $0.lsn <= erasure.lsn }
    if let place, keptErasures[place].lsn == erasure.lsn {
      throw .contradiction("LSN \(erasure.lsn) is an erasure twice")
    }
    keptErasures.insert(erasure, at: place.map { $0 + 1 } ?? 0)
  }

  /// Ids that one epoch may have reserved and not used.
  static let reservedMax = 65_536

  private func index(of id: FileID) throws(ManifestFault) -> Int {
    guard let at = files.firstIndex(where: { $0.id == id }) else {
      throw .contradiction("file \(id) is not listed")
    }
    return at
  }

  private func verify() throws(ManifestFault) {
    var end = floor
    var gaps = self.gaps[...]
    let segments = self.segments
    for (at, segment) in segments.enumerated() {
      while let gap = gaps.first, gap.first == end {
        end = gap.last.next
        gaps.removeFirst()
      }
      guard segment.first == end else {
        throw .contradiction("segment \(segment.id) begins at LSN \(segment.first), not at \(end)")
      }
      guard let seal = segment.seal else {
        guard at == segments.count - 1 else {
          throw .contradiction("segment \(segment.id) is not finished and not the last")
        }
        break
      }
      guard seal.last.next >= segment.first else {
        throw .contradiction("segment \(segment.id) ends at LSN \(seal.last), before it begins")
      }
      end = seal.last.next
    }
    while let gap = gaps.first, gap.first == end {
      end = gap.last.next
      gaps.removeFirst()
    }
    if let gap = gaps.first { throw .contradiction("\(gap) are called a gap and are not free") }
    guard end <= ceiling else {
      throw .contradiction("LSN \(end.previous) lies at or above the ceiling \(ceiling)")
    }
    try verifyHistory()
  }

  /// Ledgers follow one another up to the floor, and no two runs of a view version speak for one LSN.
  private func verifyHistory() throws(ManifestFault) {
    // Most edits meet a store that has none, and the others few.
    guard files.contains(where: { $0.kind == .ledger || $0.kind == .run }) else { return }
    var ledgers: [LSNRange] = []
    var runs: [UInt32: [LSNRange]] = [:]
    for file in files where file.kind == .ledger || file.kind == .run {
      guard let (view, lsns) = file.covered, lsns.first >= .first, !lsns.isEmpty, file.seal == nil else {
        throw .contradiction("file \(file.id) speaks for no LSNs")
      }
      if file.kind == .ledger { ledgers.append(lsns) } else { runs[view, default: []].append(lsns) }
    }
    ledgers.sort { $0.first < $1.first }
    for (a, b) in zip(ledgers, ledgers.dropFirst()) where a.last.next != b.first {
      throw .contradiction("a ledger of \(a) is followed by one of \(b)")
    }
    guard let first = ledgers.first?.first, let last = ledgers.last?.last, last.next == floor else {
      throw .contradiction("the ledgers do not reach up to the floor \(floor)")
    }
    for (view, ranges) in runs {
      let ranges = ranges.sorted { $0.first < $1.first }
      for (a, b) in zip(ranges, ranges.dropFirst()) where b.first <= a.last {
        throw .contradiction("two runs of view version \(view) hold \(a) and \(b)")
      }
      guard let lowest = ranges.first?.first, let highest = ranges.last?.last, lowest >= first,
        highest <= last
      else { throw .contradiction("a run of view version \(view) lies outside of the ledgers") }
    }
  }

  /// The changes that make this state from nothing.
  package var snapshot: [ManifestChange] {
    var changes: [ManifestChange] = []
    if epoch > 0 { changes.append(.epoch(epoch)) }
    changes += [.ceiling(ceiling), .floor(floor)]
    var waiting = reserved.sorted()[...]
    for file in (files + removed).sorted(by: { $0.id < $1.id }) {
      ManifestState.reserve(&waiting, below: file.id, &changes)
      var bare = file
      bare.seal = nil
      changes.append(.add(bare))
      if let seal = file.seal { changes.append(.seal(file.id, seal)) }
    }
    ManifestState.reserve(&waiting, below: nextFile, &changes)
    changes += removed.map { .remove($0.id) }
    changes.append(.nextFile(nextFile))
    changes += gaps.map { .gap($0) }
    changes += damages.map { .damage($0) }
    if let lastAppendTime { changes.append(.appendTime(lastAppendTime)) }
    changes += accepted.map { .accepted($0) }
    changes += held.ranges.map { .held($0) }
    changes += givenUp.map { .givenUp($0) }
    changes += keptErasures.map { .erased($0) }
    if let erasuresKeptFrom { changes.append(.erasuresKept(erasuresKeptFrom)) }
    changes += forks.map { .fork($0) }
    return changes
  }

  /// Ids are given out in order, so a reservation stands among the files.
  private static func reserve(
    _ waiting: inout ArraySlice<FileID>, below id: FileID, _ changes: inout [ManifestChange]
  ) {
    while let first = waiting.first, first < id {
      var end = first
      while let next = waiting.first, next == end {
        end = end.next
        waiting.removeFirst()
      }
      changes.append(.reserve(first, end))
    }
  }
}

// The labels of one role on their way from the order of the spine into that of keys: held once, and put aside, sorted, whenever they are more than there is
// room for. The order is (key, limit, row), so it is one and the same however often that happened.

import ApusBytes
import ApusSystem

struct LabelSorter: Sendable {
  private let memory: Int
  private let scratch: ScratchFiles
  private let crew: Crew
  private var held = LabelPiece()
  private var spills: [LabelSpill] = []

  init(memory: Int, _ scratch: ScratchFiles, _ crew: Crew = Crew(1, name: "apus-sort")) {
    self.memory = memory
    self.scratch = scratch
    self.crew = crew
  }

  var spilledByteCount: UInt64 { spills.reduce(0) { $0 + $1.byteCount } }

  mutating func add(_ key: RawSpan, _ label: Label) throws(ExportError) {
    held.add(key, label)
    try makeRoom()
  }

  mutating func add(_ piece: LabelPiece) throws(ExportError) {
    held.add(piece)
    try makeRoom()
  }

  private mutating func makeRoom() throws(ExportError) {
    if heldByteCount > limit || held.count >= Self.labelsMax { try spill() }
  }

  /// With what sorting will take.
  private var heldByteCount: Int { held.byteCount + held.count * Self.sortingByteCount }

  private static let sortingByteCount = MemoryLayout<LabelOrder.Entry>.stride + MemoryLayout<UInt64>.stride
  private static let labelsMax = 1 << 30

  /// Each file is open until the end: when there are many, the next ones are larger.
  private var limit: Int { memory << min(20, spills.count / Self.spillsOfSize) }
  private static let spillsOfSize = 64

  private mutating func spill() throws(ExportError) {
    let file: any DiskFile
    do throws(SystemError) { file = try scratch.make() } catch { throw .system(error) }
    var writer = LabelSpill.Writer(file)
    for entries in LabelOrder(held, crew).stretches {
      for entry in entries {
        let place = Int(entry.place)
        try writer.append(held.key(place), held.label(place))
      }
    }
    spills.append(try writer.finish())
    held = LabelPiece()
  }

  /// All labels in their order. Nothing can be added behind it.
  mutating func finish() throws(ExportError) -> LabelStream {
    if spills.isEmpty {
      defer { held = LabelPiece() }
      return .held(HeldLabels(held, LabelOrder(held, crew)))
    }
    if held.count > 0 { try spill() }
    return .spilled(try LabelMerge(spills))
  }
}

/// Labels in the order of (key, limit, row), chunk by chunk.
enum LabelStream: Sendable {
  case held(HeldLabels)
  case spilled(LabelMerge)

  /// Some of them, as many as `count` at most; nil behind the last.
  mutating func next(_ count: Int) throws(ExportError) -> LabelClaim? {
    switch self {
    case .held(var held):
      guard let claim = held.next(count) else { return nil }
      self = .held(held)
      return .held(held, claim)
    case .spilled(let merge): return try merge.next(count).map { .chunk($0) }
    }
  }
}

/// Labels that nobody else will answer. Whoever has the claim makes the chunk of it, so that others can go on meanwhile.
enum LabelClaim: Sendable {
  case held(HeldLabels, HeldLabels.Stretch)
  case chunk(LabelChunk)

  var chunk: LabelChunk {
    switch self {
    case .held(let held, let stretch): held.chunk(stretch)
    case .chunk(let chunk): chunk
    }
  }
}

struct HeldLabels: Sendable {
  /// Some of what a stretch of the order has.
  struct Stretch: Sendable {
    fileprivate var stretch = 0
    fileprivate var places = 0..<0
  }

  private let labels: LabelPiece
  private let order: LabelOrder
  /// What was given out last.
  private var last = Stretch()

  init(_ labels: LabelPiece, _ order: LabelOrder) {
    self.labels = labels
    self.order = order
  }

  mutating func next(_ count: Int) -> Stretch? {
    while last.stretch < order.stretches.count {
      let start = last.places.upperBound
      let end = min(order.stretches[last.stretch].count, start + count)
      if start < end {
        last.places = start..<end
        return last
      }
      last = Stretch(stretch: last.stretch + 1)
    }
    return nil
  }

  func chunk(_ own: Stretch) -> LabelChunk {
    let entries = order.stretches[own.stretch]
    var chunk = LabelChunk(capacity: own.places.count)
    var last: UInt64?
    for at in own.places {
      let entry = entries[at]
      let place = Int(entry.place)
      // What the order has need not be looked for in the order of rows.
      let label = Label(
        row: labels.row(place), time: entry.time, limit: entry.limit, lsn: labels.lsn(place))
      if labels.areShort, entry.prefix == last {
        chunk.append(again: label)
        continue
      }
      last = entry.prefix
      if labels.areShort {
        let key = entry.prefix.bigEndian
        unsafe withUnsafeBytes(of: key) { unsafe chunk.append($0.bytes, label) }
      } else {
        chunk.append(labels.key(place), label)
      }
    }
    return chunk
  }
}

// The labels of one role on their way from the order of the spine into that of keys: held once, beside an index of what decides most comparisons, and
// put aside, sorted, whenever they are more than there is room for. The order is (key, limit, row), so it is one and the same however often
// that happened.

import ApusBytes
import ApusSystem

struct LabelSorter: Sendable {
  struct Entry: Sendable {
    /// Of the key; where all keys have eight bytes, the key.
    var prefix: UInt64
    var limit: Int64
    var place: Int32
  }

  private let memory: Int
  private let scratch: ScratchFiles
  private var keyBytes: [UInt8] = []
  private var keyEnds: [Int] = []
  private var labels: [Label] = []
  private var entries: [Entry] = []
  private var spills: [LabelSpill] = []

  init(memory: Int, _ scratch: ScratchFiles) {
    self.memory = memory
    self.scratch = scratch
  }

  var spilledByteCount: UInt64 { spills.reduce(0) { $0 + $1.byteCount } }

  mutating func add(_ key: RawSpan, _ label: Label) throws(ExportError) {
    entries.append(
      Entry(prefix: key.exportPrefix, limit: label.limit, place: Int32(truncatingIfNeeded: labels.count)))
    // The array copies before the span ends.
    unsafe key.withUnsafeBytes { unsafe keyBytes.append(contentsOf: $0) }
    keyEnds.append(keyBytes.count)
    labels.append(label)
    if heldByteCount > limit || labels.count >= Self.labelsMax { try spill() }
  }

  private var heldByteCount: Int {
    keyBytes.count
      + labels.count * (MemoryLayout<Label>.stride + MemoryLayout<Entry>.stride + MemoryLayout<Int>.stride)
  }

  private static let labelsMax = 1 << 30

  /// Each file is open until the end: when there are many, the next ones are larger.
  private var limit: Int { memory << min(20, spills.count / Self.spillsOfSize) }
  private static let spillsOfSize = 64

  private func key(_ place: Int) -> Range<Int> { (place == 0 ? 0 : keyEnds[place - 1])..<keyEnds[place] }

  private mutating func sort() {
    let (bytes, ends) = (keyBytes, keyEnds)
    func range(_ place: Int32) -> Range<Int> { (place == 0 ? 0 : ends[Int(place) - 1])..<ends[Int(place)] }
    // Keys of one length of eight bytes are told apart by their prefix alone.
    let isShort = Self.areShort(ends)
    entries.sort { a, b in
      if a.prefix != b.prefix { return a.prefix < b.prefix }
      if !isShort {
        let all = unsafe bytes.span.bytes
        let order = all.extracting(range(a.place)).compare(to: all.extracting(range(b.place)))
        if order != 0 { return order < 0 }
      }
      return a.limit != b.limit ? a.limit < b.limit : a.place < b.place
    }
  }

  private static func areShort(_ ends: [Int]) -> Bool {
    var start = 0
    for end in ends {
      if end - start != 8 { return false }
      start = end
    }
    return true
  }

  private mutating func spill() throws(ExportError) {
    sort()
    let file: any DiskFile
    do throws(SystemError) { file = try scratch.make() } catch { throw .system(error) }
    var writer = LabelSpill.Writer(file)
    for entry in entries {
      let place = Int(entry.place)
      try writer.append(unsafe keyBytes.span.bytes.extracting(key(place)), labels[place])
    }
    spills.append(try writer.finish())
    keyBytes.removeAll(keepingCapacity: true)
    keyEnds.removeAll(keepingCapacity: true)
    labels.removeAll(keepingCapacity: true)
    entries.removeAll(keepingCapacity: true)
  }

  /// All labels in their order. Nothing can be added behind it.
  mutating func finish() throws(ExportError) -> LabelStream {
    if spills.isEmpty {
      sort()
      return .held(HeldLabels(keyBytes, keyEnds, labels, entries, areShort: Self.areShort(keyEnds)))
    }
    if !labels.isEmpty { try spill() }
    return .spilled(try LabelMerge(spills))
  }
}

/// Labels in the order of (key, limit, row), chunk by chunk.
enum LabelStream: Sendable {
  case held(HeldLabels)
  case spilled(LabelMerge)

  /// Some of them, as many as `count` at most; nil behind the last.
  mutating func next(_ count: Int) throws(ExportError) -> LabelChunk? {
    switch self {
    case .held(var held):
      self = .held(HeldLabels())
      let chunk = held.next(count)
      self = .held(held)
      return chunk
    case .spilled(let merge): return try merge.next(count)
    }
  }
}

struct HeldLabels: Sendable {
  private let keyBytes: [UInt8]
  private let keyEnds: [Int]
  private let labels: [Label]
  private let order: [LabelSorter.Entry]
  /// Every key has eight bytes: then its prefix is the key, and saves a look at where it lies.
  private let areShort: Bool
  private var at = 0

  init(
    _ keyBytes: [UInt8] = [], _ keyEnds: [Int] = [], _ labels: [Label] = [],
    _ order: [LabelSorter.Entry] = [], areShort: Bool = false
  ) {
    self.keyBytes = keyBytes
    self.keyEnds = keyEnds
    self.labels = labels
    self.order = order
    self.areShort = areShort
  }

  mutating func next(_ count: Int) -> LabelChunk? {
    guard at < order.count else { return nil }
    let end = min(order.count, at + count)
    var chunk = LabelChunk(capacity: end - at)
    var last: UInt64?
    while at < end {
      let entry = order[at]
      let place = Int(entry.place)
      at += 1
      if areShort {
        if entry.prefix == last {
          chunk.append(again: labels[place])
        } else {
          let key = entry.prefix.bigEndian
          unsafe withUnsafeBytes(of: key) { unsafe chunk.append($0.bytes, labels[place]) }
          last = entry.prefix
        }
        continue
      }
      let start = place == 0 ? 0 : keyEnds[place - 1]
      chunk.append(unsafe keyBytes.span.bytes.extracting(start..<keyEnds[place]), labels[place])
    }
    return chunk
  }
}

extension RawSpan {
  /// The first 8 bytes as a number that sorts as they do; a shorter span is filled with zeroes.
  var exportPrefix: UInt64 {
    if byteCount >= 8 {
      // There are 8 bytes.
      return UInt64(bigEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: 0, as: UInt64.self))
    }
    var word: UInt64 = 0
    for at in 0..<byteCount {
      // Below the count.
      let byte = unsafe unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)
      word |= UInt64(byte) << UInt64(56 - 8 * at)
    }
    return word
  }
}

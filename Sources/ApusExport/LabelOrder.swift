// The order of labels: by key, then by limit, then by row. Labels are dealt out by their keys' first bytes to narrow bins, each of which is then sorted; several
// threads take a stretch of the bins each. The order is one, so nobody can see in it how many there were.

import ApusBytes
package import ApusSystem

package struct LabelOrder: Sendable {
  /// What decides most comparisons, and whose it is.
  package struct Entry: Sendable {
    /// Of the key; where all keys have eight bytes, the key.
    package let prefix: UInt64
    package let limit: Int64
    package let time: Int64
    /// In the piece.
    package let place: Int32
  }

  /// All labels, stretch by stretch.
  package private(set) var stretches: [[Entry]]

  package init(_ labels: LabelPiece, _ crew: Crew) {
    let bins = Bins(labels)
    let ends = bins.stretches(crew.threadCount)
    stretches = crew.map(ends.count) { stretch in
      bins.sorted((stretch == 0 ? 0 : ends[stretch - 1])..<ends[stretch])
    }
  }

  /// Labels whose keys begin alike are in one bin, and bins ascend as keys do.
  private struct Bins: Sendable {
    private let labels: LabelPiece
    private let prefixes: [UInt64]
    private let least: UInt64
    private let shift: UInt64
    private let counts: [Int32]

    init(_ labels: LabelPiece) {
      self.labels = labels
      var prefixes: [UInt64] = []
      prefixes.reserveCapacity(labels.count)
      var (least, most) = (UInt64.max, UInt64.min)
      for place in 0..<labels.count {
        let prefix = labels.key(place).exportPrefix
        prefixes.append(prefix)
        // Labels without a key come before all others, however far those are from zero.
        if labels.keyRange(place).isEmpty { continue }
        least = min(least, prefix)
        most = max(most, prefix)
      }
      self.prefixes = prefixes
      self.least = min(least, most)
      let width = most - self.least
      let binsMax = UInt64(max(1, labels.count / Self.labelsPerBin))
      var shift: UInt64 = 0
      while width >> shift >= binsMax, shift < 63 { shift += 1 }
      self.shift = shift
      var counts = [Int32](repeating: 0, count: Int(width >> shift) + 1)
      for prefix in prefixes { counts[Self.bin(prefix, self.least, shift)] += 1 }
      self.counts = counts
    }

    private static func bin(_ prefix: UInt64, _ least: UInt64, _ shift: UInt64) -> Int {
      prefix < least ? 0 : Int((prefix - least) >> shift)
    }

    /// So few are sorted without further ado.
    private static let labelsPerBin = 32

    /// Where stretches of about as many labels each end.
    func stretches(_ wanted: Int) -> [Int] {
      var ends: [Int] = []
      var count = 0
      for (bin, own) in counts.enumerated() {
        count += Int(own)
        if bin + 1 == counts.count || count * wanted >= prefixes.count * (ends.count + 1) {
          ends.append(bin + 1)
        }
      }
      return ends
    }

    /// The labels of some bins, in their order.
    func sorted(_ bins: Range<Int>) -> [Entry] {
      var ends: [Int] = []
      ends.reserveCapacity(bins.count)
      var count = 0
      for bin in bins {
        ends.append(count)
        count += Int(counts[bin])
      }
      var entries = [Entry](repeating: Entry(prefix: 0, limit: 0, time: 0, place: 0), count: count)
      for place in prefixes.indices {
        let prefix = prefixes[place]
        let bin = Self.bin(prefix, least, shift)
        guard bins.contains(bin) else { continue }
        entries[ends[bin - bins.lowerBound]] = Entry(
          prefix: prefix, limit: labels.limits[place], time: labels.times[place],
          place: Int32(truncatingIfNeeded: place))
        ends[bin - bins.lowerBound] += 1
      }
      var start = 0
      for end in ends {
        if end - start > 1 { sort(&entries, start..<end) }
        start = end
      }
      return entries
    }

    private func sort(_ entries: inout [Entry], _ range: Range<Int>) {
      // Within the array, whose elements stay where they are while they are sorted.
      unsafe entries.withUnsafeMutableBufferPointer { entries in
        var own = unsafe UnsafeMutableBufferPointer(rebasing: entries[range])
        // Keys of eight bytes are told apart by their prefix alone.
        if labels.areShort {
          unsafe own.sort { a, b in
            if a.prefix != b.prefix { return a.prefix < b.prefix }
            return a.limit != b.limit ? a.limit < b.limit : a.place < b.place
          }
        } else {
          unsafe own.sort { isBefore($0, $1) }
        }
      }
    }

    private func isBefore(_ a: Entry, _ b: Entry) -> Bool {
      if a.prefix != b.prefix { return a.prefix < b.prefix }
      let order = labels.key(Int(a.place)).compare(to: labels.key(Int(b.place)))
      if order != 0 { return order < 0 }
      return a.limit != b.limit ? a.limit < b.limit : a.place < b.place
    }
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

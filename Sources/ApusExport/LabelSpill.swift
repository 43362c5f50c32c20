// Sorted labels put aside, in a file that only this process knows: each as bytes of the key (2), the key, time, limit, row (8 each), whether it
// repeats an LSN (1), the LSN (8). What comes back is compared with a checksum of what went out.

import ApusBytes
import ApusSystem

struct LabelSpill: Sendable {
  let file: any DiskFile
  let byteCount: UInt64
  let labelCount: Int
  let crc: UInt32

  struct Writer: ~Copyable {
    private let file: any DiskFile
    private var pending = ByteWriter(capacity: LabelSpill.bufferByteCount)
    private var end: UInt64 = 0
    private var crc: UInt32 = 0
    private var count = 0

    init(_ file: any DiskFile) { self.file = file }

    mutating func append(_ key: RawSpan, _ label: Label) throws(ExportError) {
      pending.write(UInt16(truncatingIfNeeded: key.byteCount))
      pending.write(key)
      pending.write(label.time)
      pending.write(label.limit)
      pending.write(UInt64(truncatingIfNeeded: label.row))
      pending.write(label.lsn == nil ? 0 as UInt8 : 1)
      pending.write(label.lsn ?? 0)
      count += 1
      if pending.count >= LabelSpill.bufferByteCount { try flush() }
    }

    private mutating func flush() throws(ExportError) {
      crc = CRC32C.extend(crc, pending.bytes)
      do throws(SystemError) { try file.writeAll(pending.bytes, at: end) } catch { throw .system(error) }
      end += UInt64(pending.count)
      pending.removeAll()
    }

    mutating func finish() throws(ExportError) -> LabelSpill {
      try flush()
      return LabelSpill(file: file, byteCount: end, labelCount: count, crc: crc)
    }
  }

  static let bufferByteCount = 1 << 20
}

/// Sorted files as one order.
///
/// Used by one thread at a time: guarded by the lock of whoever gives out its chunks.
final class LabelMerge: @unchecked Sendable {
  private var sources: [Source] = []

  init(_ spills: [LabelSpill]) throws(ExportError) {
    for spill in spills {
      let source = Source(spill)
      if try source.advance() { sources.append(source) }
    }
  }

  func next(_ count: Int) throws(ExportError) -> LabelChunk? {
    guard !sources.isEmpty else { return nil }
    var chunk = LabelChunk(capacity: count)
    while chunk.count < count, !sources.isEmpty {
      var first = 0
      for place in 1..<max(1, sources.count) where sources[place].isBefore(sources[first]) { first = place }
      let source = sources[first]
      let key = source.key
      chunk.append(unsafe key.span.bytes, source.label)
      if try !source.advance() { sources.remove(at: first) }
    }
    return chunk
  }

  /// One file, from its first label to its last. Owned by its merge.
  private final class Source {
    private let spill: LabelSpill
    private var bytes: [UInt8] = []
    private var at = 0
    private var read: UInt64 = 0
    private var crc: UInt32 = 0
    private(set) var key: [UInt8] = []
    private(set) var label = Label(row: 0, time: 0, limit: 0)

    init(_ spill: LabelSpill) { self.spill = spill }

    func isBefore(_ other: Source) -> Bool {
      let (own, others) = (key, other.key)
      let order = unsafe own.span.bytes.compare(to: others.span.bytes)
      if order != 0 { return order < 0 }
      return label.limit != other.label.limit ? label.limit < other.label.limit : label.row < other.label.row
    }

    /// The next label; false behind the last.
    func advance() throws(ExportError) -> Bool {
      if bytes.count - at < Self.labelByteCountMax, read < spill.byteCount { try fill() }
      if at == bytes.count {
        guard crc == spill.crc else { throw .scratchDamaged(spill.file.path) }
        return false
      }
      let held = bytes
      var reader = ByteReader(unsafe held.span.bytes.extracting(at...))
      guard let count = try? reader.read(UInt16.self), let key = try? reader.readBytes(Int(count)),
        let time = try? reader.read(Int64.self), let limit = try? reader.read(Int64.self),
        let row = try? reader.read(UInt64.self), let hasLSN = try? reader.read(UInt8.self),
        let lsn = try? reader.read(UInt64.self)
      else { throw .scratchDamaged(spill.file.path) }
      self.key = key.copied()
      label = Label(
        row: Int(truncatingIfNeeded: row), time: time, limit: limit, lsn: hasLSN == 1 ? lsn : nil)
      at += 2 + Int(count) + 33
      return true
    }

    private func fill() throws(ExportError) {
      bytes.removeFirst(at)
      at = 0
      let start = bytes.count
      let count = Int(min(UInt64(LabelSpill.bufferByteCount), spill.byteCount - read))
      bytes.append(contentsOf: repeatElement(0, count: count))
      do throws(SystemError) {
        let got = try Self.fill(&bytes, from: start, spill.file, at: read)
        guard got == count else { throw SystemError("pread", .inputOutput, on: spill.file.path) }
      } catch {
        throw .system(error)
      }
      read += UInt64(count)
      crc = CRC32C.extend(crc, unsafe bytes.span.bytes.extracting(start...))
    }

    private static func fill(
      _ bytes: inout [UInt8], from start: Int, _ file: any DiskFile, at offset: UInt64
    ) throws(SystemError) -> Int {
      var span = bytes.mutableSpan
      var raw = unsafe span.mutableBytes
      var rest = raw._mutatingExtracting(start...)
      return try file.readFully(into: &rest, at: offset)
    }

    private static let labelByteCountMax = 2 + KeyLimits.byteCountMax + 33
  }
}

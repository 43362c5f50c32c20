// A log on a simulated disk for one test, and what was put into it.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport

struct Fixture {
  static let folder = "/store"

  var disk: SimulatedDisk
  let clock = SimulatedClock()
  var random: SplitMix64
  var options = LogOptions()
  /// All that was appended, in order.
  private(set) var entries: [LogModel.Entry] = []

  init(seed: UInt64 = 1, segmentByteCount: UInt64 = 65_536, capacity: Int? = nil) {
    random = SplitMix64(seed: seed)
    disk = SimulatedDisk(seed: seed, capacity: capacity)
    options.segmentByteCount = segmentByteCount
  }

  mutating func open() throws(LogError) -> Log {
    try Log.open(Fixture.folder, on: disk, clock: clock, random: &random, options: options)
  }

  /// Opens, and demands a log that writes.
  mutating func openWriter() throws -> LogWriter {
    let log = try open()
    guard let writer = log.writer else { throw LogError.readOnly(log.report.losses) }
    return writer
  }

  /// Appends a frame of random bytes.
  @discardableResult
  mutating func append(_ writer: LogWriter, records: Int = 1, bytes: Int) throws(LogError) -> Appended {
    try append(writer, records: records, payload: random.bytes(bytes))
  }

  @discardableResult
  mutating func append(_ writer: LogWriter, records: Int = 1, payload: [UInt8]) throws(LogError) -> Appended {
    clock.advance(nanoseconds: 1000)
    // Any byte is a raw byte.
    let appended = unsafe try writer.append(recordCount: records, payload: payload.span.bytes)
    entries.append(LogModel.Entry(lsns: appended.lsns, payload: payload))
    return appended
  }

  /// The path of the n-th listed segment, from 0.
  func segmentPath(_ at: Int) throws -> String {
    let manifest = try LogOverview.manifest(Fixture.folder, on: disk.copy())
    return Fixture.folder + "/" + manifest.state.segments[at].name
  }

  func manifestPath() throws -> String {
    Fixture.folder + "/" + (try LogOverview.manifest(Fixture.folder, on: disk.copy()).name)
  }
}

/// What a scan gave, and what it said was wrong.
struct Scanned: Equatable {
  var entries: [LogModel.Entry] = []
  /// Damage that took records, as it was thrown.
  var thrown: [Damage] = []
  /// All damage.
  var noted: [Damage] = []
}

/// Scans to the end, going on behind damage.
func scanned(_ reader: LogReader, from lsn: LSN? = nil, _ extent: LogView.Extent = .durable) throws -> Scanned
{
  var scanner = try reader.scan(from: lsn ?? reader.view.floor, extent)
  var result = Scanned()
  while true {
    do throws(LogError) {
      guard let frame = try scanner.next() else { break }
      result.entries.append(LogModel.Entry(lsns: frame.lsns, payload: scanner.payload.copied()))
    } catch {
      guard case .damaged(let damage) = error else { throw error }
      result.thrown.append(damage)
    }
  }
  result.noted = scanner.damages
  return result
}

extension Array<UInt8> {
  func replacing(_ range: Range<Int>, with bytes: some Collection<UInt8>) -> [UInt8] {
    var copy = self
    copy.replaceSubrange(range, with: bytes)
    return copy
  }
}

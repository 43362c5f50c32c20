// `apus export`: labels in, a training set out. The set has its name only when it is whole, and a manifest beside it says what it is.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusExport
import ApusIngest
import ApusStore
import ApusSystem

enum Export {
  struct Options: Equatable {
    var what: Get.Wanted
    var project: String?
    /// Nil: the view's own events.
    var spine: String?
    var spineFormat: FileFormat?
    var range: ClosedRange<Int64> = .min ... .max
    var out: String
    var format: SetFormat
    var choices = SpineChoices()
    var export = ExportOptions()
    var split: ExportSplit?
    var point = Point.newest
    var given = GivenChecks()
    /// What is given, read; nil: nothing is checked.
    var checks: SetChecks?
  }

  enum Point: Equatable {
    case newest
    case lsn(LSN)
    case time(WallTime)

    var snapshot: SnapshotPoint {
      switch self {
      case .newest: .newest
      case .lsn(let lsn): .lsn(lsn)
      case .time(let time): .time(time)
      }
    }
  }

  static func run(_ options: Options, _ answer: Answer) throws(Trouble) -> ExitCode {
    var options = options
    options.checks = try ExportChecks.read(options.given)
    let disk = RealDisk()
    let file = try trouble(options.out) { () throws(ExportError) in
      try SetFile(options.out, options.format, on: disk)
    }
    let done = try make(options, answer, SetFile.scratch(for: options.out, on: disk), to: file)
    let manifest = ExportManifest(options, done)
    try trouble(options.out) { () throws(ExportError) in try file.publish(manifest: manifest.bytes) }
    let quality = QualityWords(manifest: manifest.json)
    answer.give(
      done.words(file) + (quality?.lines ?? []),
      JSON(["manifest": .text(file.manifestPath)]).adding(manifest.json))
    return quality?.isFailed ?? false ? .checkFailed : .done
  }

  /// What came of it, and the names of what it was made from.
  struct Done {
    let report: ExportReport
    let wanted: Get.Wanted
    let project: String
    let store: String
    let timeline: String
    let lsn: LSN
    let losses: [LSNRange]
  }

  /// Makes a set of a folder's store.
  static func make(
    _ options: Options, _ answer: Answer, _ scratch: ScratchFiles, to sink: any ExportSink
  ) throws(Trouble) -> Done {
    let (naming, catalog) = try answer.definitions()
    let project = try naming.project(options.project)
    let wanted = try Get.named(options.what, naming, project, catalog)
    let progress = ExportProgressLine(isShown: !answer.isJSON)
    defer { progress.end() }
    let outcome = try answer.changing { (store) throws(StoreError) -> Result<Done, ExportTrouble> in
      let snapshot = try store.snapshot(options.point.snapshot)
      let vector = try wanted.pastVector(in: snapshot.catalog, project.name)
      do throws(ExportTrouble) {
        let spine = try Self.spine(options, snapshot, vector, scratch)
        let export = ApusExport.Export(
          snapshot, vector, options.export, options.choices, split: options.split, checks: options.checks,
          scratch: scratch
        ) { progress.show($0) }
        let report: ExportReport
        do throws(ExportError) { report = try export.run(spine, to: sink) } catch {
          throw ExportTrouble(error, at: options.spine ?? options.out)
        }
        let (storeID, timeline) = (snapshot.storeID, snapshot.timeline)
        return .success(
          Done(
            report: report, wanted: wanted, project: project.name,
            store: Hex.text(unsafe storeID.span.bytes),
            timeline: Hex.text(unsafe timeline.span.bytes), lsn: snapshot.lsn,
            losses: snapshot.losses))
      } catch {
        return .failure(error)
      }
    }
    do throws(ExportTrouble) { return try outcome.get() } catch { throw error.trouble(answer.place) }
  }

  private static func spine(
    _ options: Options, _ snapshot: Snapshot, _ vector: PreparedVector, _ scratch: ScratchFiles
  ) throws(ExportTrouble) -> any SpineSource {
    guard let path = options.spine else {
      guard let view = vector.groups.first.flatMap({ snapshot.catalog[$0.view] }) else {
        throw ExportTrouble(.store(.emptyVector), at: options.out)
      }
      do throws(ExportError) {
        return try EventSpine(
          snapshot, view, options.export.mode, options.range, scratch: scratch, memory: options.export.memory)
      } catch {
        throw ExportTrouble(error, at: options.out)
      }
    }
    switch options.spineFormat {
    case .parquet: return ParquetSpine(path, on: RealDisk())
    case .arrow: return ArrowSpine(path)
    default: return CSVSpine(path, delimiter: FileFormat.named(by: path)?.delimiter ?? 0x2C)
    }
  }

  private static func trouble<T>(_ place: String, _ body: () throws(ExportError) -> T) throws(Trouble) -> T {
    do throws(ExportError) { return try body() } catch {
      throw ExportTrouble(error, at: place).trouble(StorePlace(folder: place))
    }
  }
}

/// An error of an export, and what it is about.
struct ExportTrouble: Error {
  let error: ExportError
  let place: String

  init(_ error: ExportError, at place: String) {
    self.error = error
    self.place = place
  }

  func trouble(_ store: StorePlace) -> Trouble {
    if case .store(let error) = error { return Trouble(error, store) }
    let (what, next) = error.words
    return Trouble(error.code, what, at: place, next: next ?? "`apus help export` shows how it is meant")
  }
}

/// A CSV file as a spine: all of it is text.
final class CSVSpine: SpineSource {
  let name: String
  let isText = true
  private let delimiter: UInt8

  init(_ path: String, delimiter: UInt8) {
    name = path
    self.delimiter = delimiter
  }

  func open() throws(ExportError) -> any SpineReading {
    let stream: InputStream
    do throws(SystemError) { stream = try InputStream(path: name) } catch { throw .system(error) }
    do throws(CSVTableError) { return Reading(try CSVTable(stream, delimiter: delimiter), name) } catch {
      throw Self.error(error, name)
    }
  }

  static func error(_ error: CSVTableError, _ name: String) -> ExportError {
    switch error {
    case .system(let error): .system(error)
    case .columns(let error): .columns(error)
    case .empty: .spineUnreadable("\(name) has no header")
    case .columnTwice(let name): .columnTwice(name)
    case .wrong(let line, let what): .spineUnreadable("line \(line) of \(name) is none: \(what)")
    }
  }

  private final class Reading: SpineReading {
    private var table: CSVTable
    private let name: String
    let schema: ColumnSchema

    init(_ table: consuming CSVTable, _ name: String) {
      schema = table.schema
      self.table = table
      self.name = name
    }

    func next() throws(ExportError) -> ColumnBatch? {
      do throws(CSVTableError) { return try table.next() } catch { throw CSVSpine.error(error, name) }
    }
  }
}

/// How far an export is, for somebody who waits in front of a terminal.
final class ExportProgressLine: Sendable {
  private static let pause: UInt64 = 200_000_000
  private struct Shown: Sendable {
    var last: UInt64
    var began: UInt64
    var phase = ExportProgress.Phase.reading
    var isShown = false
  }

  private let isShown: Bool
  private let shown: Monitor<Shown>

  init(isShown: Bool) {
    self.isShown = isShown && StandardStream.error.isTerminal
    let now = SystemClock().monotonic().nanoseconds
    shown = Monitor(Shown(last: now, began: now))
  }

  /// Always true: nobody cancels from here.
  func show(_ progress: ExportProgress) -> Bool {
    guard isShown else { return true }
    let now = SystemClock().monotonic().nanoseconds
    let line = shown.withLock { shown -> String? in
      if shown.phase != progress.phase {
        shown.phase = progress.phase
        shown.began = now
      }
      guard now - shown.last >= Self.pause else { return nil }
      shown.last = now
      shown.isShown = true
      return Self.line(progress, UInt64(progress.done) * 1_000_000_000 / max(1, now - shown.began))
    }
    if let line { Self.write("\r  \(line)\u{1B}[K") }
    return true
  }

  private static func line(_ progress: ExportProgress, _ speed: UInt64) -> String {
    let head = "\(progress.phase.rawValue) \(Numbers.grouped(progress.done))"
    let rate = "\(Numbers.grouped(speed)) rows/s"
    guard let total = progress.total, speed > 0 else { return "\(head)   \(rate)" }
    let left = UInt64(max(0, total - progress.done)) / speed
    return "\(head) of \(Numbers.grouped(total))   \(rate)   \(left) s left"
  }

  func end() {
    if shown.withLock({ $0.isShown }) { Self.write("\r\u{1B}[K") }
  }

  private static func write(_ text: String) {
    let bytes = Array(text.utf8)
    // Who does not see it has lost nothing.
    try? unsafe StandardStream.error.write(bytes.span.bytes)
  }
}

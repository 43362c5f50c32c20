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
    /// Of label times that have none, by its name; it is looked up where the set is made.
    var zone: String?
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
    /// The LSN that a pin keeps.
    case pin(String)

    func snapshot(of store: Store) throws(StoreError) -> SnapshotPoint {
      switch self {
      case .newest: return .newest
      case .lsn(let lsn): return .lsn(lsn)
      case .time(let time): return .time(time)
      case .pin(let name):
        guard case .lsn(let lsn, _) = try store.moment(ofPin: name) else { throw .unknownPin(name) }
        return .lsn(lsn)
      }
    }
  }

  static func run(_ options: Options, _ answer: Answer) throws(Trouble) -> ExitCode {
    var options = options
    options.checks = try ExportChecks.read(options.given)
    let disk = RealDisk()
    let file = try trouble(options.out) { () throws(ExportError) in
      try SetFile(options.out, options.format, on: disk, threads: options.export.threads)
    }
    let done = try make(options, answer, SetFile.scratch(for: options.out, on: disk), to: file)
    try publish(done, file)
    return done.give(file, isJSON: answer.isJSON, answer.output)
  }

  static func publish(_ done: ExportDone, _ file: SetFile) throws(Trouble) {
    try trouble(file.path) { () throws(ExportError) in
      try file.publish(manifest: Array(done.manifest.utf8))
    }
  }

  /// Makes a set of a folder's store.
  static func make(
    _ options: Options, _ answer: Answer, _ scratch: ScratchFiles, to sink: any ExportSink
  ) throws(Trouble) -> ExportDone {
    let (naming, catalog) = try answer.definitions()
    let project = try naming.project(options.project)
    let wanted = try Get.named(options.what, naming, project, catalog)
    var choices = options.choices
    choices.zone = try options.zone.map { name throws(Trouble) in try LabelZone(named: name) }
    let progress = ExportProgressLine(isShown: !answer.isJSON)
    defer { progress.end() }
    var asked = SetAsked(
      of: wanted.option, names: wanted.text, project: project.name, set: options.out,
      format: options.format.rawValue)
    asked.spine = options.spine
    asked.spineFormat = options.spineFormat?.rawValue
    asked.range = options.range
    let outcome = try answer.changing { (store) throws(StoreError) -> Result<String, ExportTrouble> in
      let snapshot = try store.snapshot(try options.point.snapshot(of: store))
      let vector = try wanted.pastVector(in: snapshot.catalog, project.name)
      do throws(ExportTrouble) {
        let spine = try Self.spine(options, snapshot, vector, scratch)
        let export = ApusExport.Export(
          snapshot, vector, options.export, choices, split: options.split, checks: options.checks,
          scratch: scratch
        ) { progress.show($0) }
        do throws(ExportError) {
          let report = try export.run(spine, to: sink)
          return .success(export.manifest(asked, report))
        } catch {
          throw ExportTrouble(error, at: options.spine ?? options.out)
        }
      } catch {
        return .failure(error)
      }
    }
    let manifest: String
    do throws(ExportTrouble) { manifest = try outcome.get() } catch { throw error.trouble(answer.place) }
    return try ExportDone(manifest)
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
    return spine(at: path, options.spineFormat)
  }

  static func spine(at path: String, _ format: FileFormat?) -> any SpineSource {
    switch format {
    case .parquet: ParquetSpine(path, on: RealDisk())
    case .arrow: ArrowSpine(path)
    default: CSVSpine(path, delimiter: FileFormat.named(by: path)?.delimiter ?? 0x2C)
    }
  }

  static func trouble<T>(_ place: String, _ body: () throws(ExportError) -> T) throws(Trouble) -> T {
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

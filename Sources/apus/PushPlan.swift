// What is known of a load before its first row is sent, wherever the rows go: which view takes them, what rows are known at, and
// where an earlier run of the producer ended.

import ApusContracts
import ApusIngest
import ApusLog
import ApusSystem

struct PushPlan {
  let options: Push.Options
  let target: LoadTarget
  /// The store's folder, or the server's address, for people.
  let place: String
  /// What a command line says to mean it: ` --data DIR`.
  let option: String
  private let hasEvents: Bool
  private let stored: LoadOffset?

  /// `stored` is what the producer's last request said of its source.
  init(
    _ options: Push.Options, _ target: LoadTarget, at place: String, _ option: String, hasEvents: Bool,
    stored: [UInt8]?
  ) throws(Trouble) {
    self.options = options
    self.target = target
    self.place = place
    self.option = option
    self.hasEvents = hasEvents
    self.stored = stored.flatMap { LoadOffset($0) }
    if stored != nil, self.stored == nil {
      throw Trouble(
        "other_source",
        "the producer `\(options.producer ?? "")` does not read files: its offset is another program's",
        at: place, next: "name another producer")
    }
  }

  static func retired(_ options: Push.Options, at place: String, _ option: String) -> Trouble {
    Trouble(
      "retired", "\(options.view) is retired, and takes no rows", at: place,
      next: "`apus describe \(options.view.name)\(option)` lists its versions")
  }

  func source() throws(Trouble) -> InputStream { try Self.source(options) }

  static func source(_ options: Push.Options) throws(Trouble) -> InputStream {
    if options.path == "-" { return .standardInput() }
    do throws(SystemError) { return try InputStream(path: options.path) } catch {
      guard error.errno != .noEntry else {
        throw Trouble(
          "no_file", "there is no such file", at: options.path, next: "check the path of the file")
      }
      throw Trouble(LogError.system(error), data: options.path)
    }
  }

  /// Of a format that is read by its places; nil of what has none.
  private static func file(_ path: String) -> () throws(SystemError) -> (any DiskFile)? {
    { () throws(SystemError) in
      if path == "-" { return nil }
      do throws(SystemError) { return try RealDisk().open(path, .read) } catch {
        // A pipe, or a device.
        guard error.errno == .invalid else { throw error }
        return nil
      }
    }
  }

  func load(_ source: InputStream) throws(Trouble) -> FileLoad {
    do throws(ReadError) {
      return try FileLoad(
        source, target, options.load, stored: stored, keepsOffset: options.producer != nil,
        file: Self.file(options.path))
    } catch {
      switch error {
      case .system(let error): throw Trouble(LogError.system(error), data: options.path)
      case .refused(let refusal): throw trouble(refusal)
      }
    }
  }

  /// A load that goes on repeats what it began with.
  func choice(resuming resumption: LoadOffset?) throws(Trouble) -> KnownAtChoice {
    guard let resumption else { return options.choice ?? (hasEvents ? .now : .eventTime) }
    if let asked = options.choice, asked != resumption.choice {
      throw Trouble(
        "other_choice",
        "this load began with --known-at \(resumption.choice.spelled(options.load.knownAt)), and goes on with it",
        at: options.path, next: "leave --known-at out, or name another producer")
    }
    if resumption.choice == .column, options.load.knownAt == nil {
      throw Trouble(
        "other_choice", "this load began with --known-at column:NAME, and needs to know the column",
        at: options.path, next: "say --known-at column:NAME again")
    }
    return resumption.choice
  }
}

extension KnownAtChoice {
  /// As a person writes it.
  func spelled(_ column: String?) -> String {
    switch self {
    case .live: "live"
    case .now: "now"
    case .eventTime: "event-time"
    case .eventTimePlus(let nanoseconds):
      "event-time" + (Period(nanoseconds: nanoseconds).map { "+\($0)" } ?? "")
    case .column: "column:\(column ?? "NAME")"
    }
  }
}

extension LoadReport {
  /// Whether every row would come in, and every line is one.
  var isClean: Bool { setAside == 0 && refused == 0 && unreadable.isEmpty && erased == 0 }
}

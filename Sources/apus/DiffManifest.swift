// A manifest as `apus diff` takes it: what the set is, what was asked to make it, and the lines that its identity is of.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusExport
import ApusIngest
import ApusStore
import ApusSystem

struct DiffManifest {
  let path: String
  let side: DiffSide
  let options: Export.Options
  private let zone: LabelZone?
  let identity: String
  let contentDigest: String
  let store: String
  let timeline: String
  let lsn: LSN
  let losses: [String]
  /// In their order.
  let lines: [(name: String, value: String)]
  /// Where the set itself is.
  let set: String

  init(_ path: String) throws(Trouble) {
    self.path = path
    let json = try ExportVerify.read(path)
    guard let options = Export.Options(manifest: json), let identity = json["identity"]?.string,
      let digest = json["content_digest"]?.string, let spine = json["spine_digest"]?.string,
      let rows = json["rows"]?.int64.flatMap({ Int(exactly: $0) }), let store = json["store"]?.string,
      let timeline = json["timeline"]?.string, let lsn = json["lsn"]?.int64,
      let text = json["identity_of"]?.string, let time = json["time_column"]?.string,
      let fields = Self.fields(json), let features = Self.names(json["features"])
    else {
      throw Trouble(
        "not_a_manifest", "this is no manifest of a training set of this version", at: path,
        next: "name the .manifest.json that `apus export` wrote beside the set")
    }
    self.options = options
    self.identity = identity
    contentDigest = digest
    self.store = store
    self.timeline = timeline
    self.lsn = LSN(UInt64(clamping: lsn))
    if case .list(let ranges)? = json["lost_lsns"] {
      losses = ranges.compactMap(\.string)
    } else {
      losses = []
    }
    lines = Self.lines(text)
    set = Self.set(options.out, beside: path)
    zone = try options.zone.map { name throws(Trouble) in try LabelZone(named: name) }
    var side = DiffSide(
      name: set, contentDigest: digest, spineDigest: spine, rows: rows, fields: fields,
      roles: Self.roles(lines, fields.map(\.name)), time: time, timeUnit: Self.timeUnit(lines, time),
      lsn: json["lsn_column"]?.string, prefix: options.export.prefix, features: features,
      kinds: options.export.columns)
    side.zone = zone
    self.side = side
  }

  /// Of an identity's line, which stands for one thing or for one of several.
  private static func lines(_ text: String) -> [(name: String, value: String)] {
    text.split(separator: "\n").map { line in
      let ends = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard ends.count == 2 else { return (String(line), "") }
      // Features and roles have a line each.
      let words = ends[1].split(separator: " ", maxSplits: 1).map(String.init)
      return ["feature", "keys"].contains(ends[0]) && words.count == 2
        ? ("\(ends[0]) \(words[0])", words[1]) : (ends[0], ends[1])
    }
  }

  private static func roles(
    _ lines: [(name: String, value: String)], _ names: [String]
  ) -> [DiffSide.Role] {
    lines.filter { $0.name.hasPrefix("keys ") }.map { line in
      // A column's name may have blanks, and then it is one of the set's.
      var rest = line.value[...]
      var columns: [String] = []
      while !rest.isEmpty {
        let fitting = names.filter { rest == $0[...] || rest.hasPrefix($0 + " ") }
        let name = fitting.max { $0.utf8.count < $1.utf8.count } ?? String(rest.prefix { $0 != " " })
        columns.append(name)
        rest = rest.dropFirst(name.count + 1)
      }
      return DiffSide.Role(name: String(line.name.dropFirst("keys ".count)), columns: columns)
    }
  }

  /// `time=COLUMN UNIT`: the unit stands last, and a column's name may have blanks.
  private static func timeUnit(_ lines: [(name: String, value: String)], _ column: String) -> Int64 {
    let value = lines.first { $0.name == "time" }?.value ?? ""
    return Int64(value.dropFirst(column.count + 1)) ?? 1
  }

  private static func names(_ json: JSON?) -> [String]? {
    guard case .list(let all)? = json else { return nil }
    let names = all.compactMap { $0["name"]?.string }
    return names.count == all.count ? names : nil
  }

  private static func fields(_ json: JSON) -> [ColumnField]? {
    guard case .list(let all)? = json["fields"] else { return nil }
    let fields = all.compactMap { field -> ColumnField? in
      guard let name = field["name"]?.string, let type = field["type"]?.string.flatMap(ColumnType.init) else {
        return nil
      }
      return ColumnField(name, type)
    }
    return fields.count == all.count ? fields : nil
  }

  /// The set stands beside its manifest, also after both were moved; else where it was written.
  private static func set(_ out: String, beside path: String) -> String {
    let name = String(out.split(separator: "/").last ?? "")
    let folder =
      path.contains("/") ? String(path.prefix(through: path.lastIndex(of: "/") ?? path.startIndex)) : ""
    let beside = folder + name
    let isThere = (try? RealDisk().entry(at: beside)).flatMap { $0 } != nil
    return isThere ? beside : out
  }

  /// The set's rows.
  var source: any SpineSource {
    switch options.format {
    case .parquet: ParquetSpine(set, on: RealDisk())
    case .arrow: ArrowSpine(set)
    case .csv: TypedText(CSVSpine(set, delimiter: 0x2C), as: ColumnSchema(side.fields))
    }
  }

  /// What else was asked than in another set, by the identity's lines: all but the store, the moment, the spine, and what only adds columns.
  func isAskedOtherwise(than other: DiffManifest) -> Bool {
    let moment = ["store", "timeline", "lsn", "definitions", "erasures", "spine", "columns", "prefix"]
    func asked(_ manifest: DiffManifest) -> [String] {
      manifest.lines.filter { !moment.contains($0.name) }.map { "\($0.name)=\($0.value)" }
    }
    return asked(self) != asked(other)
  }

  /// How the set is made again. Names are those of the manifest, so the snapshot's definitions give them their meaning.
  func making(
    _ store: Store, _ catalog: (Snapshot) throws(StoreError) -> PreparedVector
  ) throws(StoreError) -> DiffMaking {
    let snapshot = try store.snapshot(.lsn(lsn))
    var choices = options.choices
    choices.time = side.time
    choices.lsn = side.lsn
    choices.zone = zone
    let erasures = lines.first { $0.name == "erasures" }.flatMap { UInt64($0.value) } ?? 0
    return DiffMaking(
      side, snapshot, try catalog(snapshot), options.export, choices, isText: options.spineFormat == .csv,
      erasures: LSN(erasures), losses: losses)
  }

  func vector(in catalog: Catalog) throws(StoreError) -> PreparedVector {
    try options.what.pastVector(in: catalog, options.project ?? "")
  }
}

// `apus export verify`: makes a set again from its manifest, and compares what came out with what the manifest says.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusExport
import ApusIngest
import ApusSystem

enum ExportVerify {
  static func run(_ path: String, spine: String?, _ answer: Answer) throws(Trouble) -> ExitCode {
    let json = try read(path)
    guard var options = Export.Options(manifest: json), let expected = json["content_digest"]?.string,
      let identity = json["identity"]?.string
    else {
      throw Trouble(
        "not_a_manifest", "this is no manifest of a training set of this version", at: path,
        next: "name the .manifest.json that `apus export` wrote beside the set")
    }
    if let spine { options.spine = spine }
    let done = try Export.make(
      options, answer, ScratchFiles(RealDisk(), in: "/tmp", prefix: ".apus-verify-\(SystemProcess.id)-"),
      to: NoSet())
    let isSame = "\(done.report.contentDigest)" == expected
    let isSameIdentity = "\(done.report.identity)" == identity
    var lines = [
      isSame
        ? "the same: \(Numbers.count(done.report.rows, "row")), content digest \(expected)"
        : "not the same: content digest \(done.report.contentDigest), and the manifest says \(expected)"
    ]
    if !isSameIdentity {
      let old = Set((json["identity_of"]?.string ?? "").split(separator: "\n"))
      let changed = done.report.identityText.split(separator: "\n").filter { !old.contains($0) }
      lines.append("another identity, \(done.report.identity): now \(changed.joined(separator: ", "))")
    }
    answer.give(
      lines,
      [
        "same": .boolean(isSame), "same_identity": .boolean(isSameIdentity),
        "content_digest": .text("\(done.report.contentDigest)"), "expected": .text(expected),
        "identity": .text("\(done.report.identity)"),
      ])
    return isSame && isSameIdentity ? .done : .checkFailed
  }

  static func read(_ path: String) throws(Trouble) -> JSON {
    var bytes: [UInt8] = []
    do throws(SystemError) {
      let stream = try InputStream(path: path)
      var chunk = [UInt8](repeating: 0, count: 1 << 16)
      while bytes.count < 1 << 26 {
        let count = try Self.read(stream, &chunk)
        if count == 0 { break }
        bytes += chunk.prefix(count)
      }
    } catch {
      throw Trouble(
        "system", "the manifest cannot be read: \(error.errno)", at: path, next: "check the path")
    }
    guard let json = JSON(reading: bytes) else {
      throw Trouble("not_a_manifest", "this is no JSON", at: path, next: "name a .manifest.json")
    }
    return json
  }

  private static func read(_ stream: InputStream, _ chunk: inout [UInt8]) throws(SystemError) -> Int {
    var span = chunk.mutableSpan
    var raw = unsafe span.mutableBytes
    return try stream.read(into: &raw)
  }
}

/// A set that nobody keeps.
private final class NoSet: ExportSink {
  func begin(_ schema: ColumnSchema) {}
  func write(_ batch: ColumnBatch) {}
  func finish() {}
}

extension Export.Options {
  /// What a manifest says was asked.
  init?(manifest: JSON) {
    guard manifest["apus_training_set"]?.int64 == Int64(ExportManifest.version),
      let asked = manifest["asked"],
      let of = asked["of"]?.string, let names = asked["names"]?.string, let lsn = manifest["lsn"]?.int64,
      let out = manifest["set"]?.string, let format = manifest["format"]?.string.flatMap(SetFormat.init)
    else { return nil }
    let what: Get.Wanted
    switch of {
    case "features": what = .features(names.split(separator: ",").map(String.init))
    default:
      guard let name = VersionedName(spelling: names) else { return nil }
      what = of == "service" ? .service(name) : .view(name)
    }
    self.init(what: what, project: asked["project"]?.string, out: out, format: format)
    spine = asked["spine"]?.string
    spineFormat = asked["spine_format"]?.string.flatMap(FileFormat.init)
    if let from = asked["from"]?.int64, let to = asked["to"]?.int64, from <= to { range = from...to }
    choices.time = asked["time"]?.string
    choices.timeUnitNanoseconds = asked["time_unit"]?.int64
    choices.lsn = asked["lsn"]?.string
    if case .object(let members)? = asked["keys"] {
      for member in members { choices.keys[member.key] = member.value.string }
    }
    guard let mode = asked["mode"]?.string.flatMap(ExportMode.init),
      let beyond = asked["beyond_history"]?.string.flatMap(BeyondHistory.init)
    else { return nil }
    export.mode = mode
    export.beyondHistory = beyond
    export.isStrict = asked["strict_before"] == true
    export.staleOK = asked["stale_ok"] == true
    export.delayNanoseconds = asked["delay_ns"]?.int64 ?? 0
    export.prefix = asked["prefix"]?.string ?? ""
    if case .list(let kinds)? = asked["columns"] {
      export.columns = Set(kinds.compactMap { $0.string.flatMap(ExportColumnKind.init) })
    }
    if let text = asked["split"]?.string {
      guard let split = ExportSplit(spelling: text) else { return nil }
      self.split = split
    }
    point = .lsn(LSN(UInt64(clamping: lsn)))
  }
}

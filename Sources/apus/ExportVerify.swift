// `apus export verify`: makes a set again from its manifest, and compares what came out with what the manifest says.

import ApusBytes
import ApusColumnar
import ApusContracts
import ApusExport
import ApusIngest
import ApusSystem

enum ExportVerify {
  /// What a manifest says, and what is to be made of it again.
  private struct Claim {
    let json: JSON
    var options: Export.Options
    let digest: String
    let identity: String

    init(_ path: String, spine: String?) throws(Trouble) {
      json = try ExportVerify.read(path)
      guard let options = Export.Options(manifest: json), let digest = json["content_digest"]?.string,
        let identity = json["identity"]?.string
      else {
        throw Trouble(
          "not_a_manifest", "this is no manifest of a training set, or of another version", at: path,
          next: "name the .manifest.json beside the set")
      }
      (self.options, self.digest, self.identity) = (options, digest, identity)
      if let spine { self.options.spine = spine }
    }
  }

  static func run(_ path: String, spine: String?, _ answer: Answer) throws(Trouble) -> ExitCode {
    let claim = try Claim(path, spine: spine)
    let done = try Export.make(
      claim.options, answer,
      ScratchFiles(RealDisk(), in: "/tmp", prefix: ".apus-verify-\(SystemProcess.id)-"),
      to: NoSet())
    return compare(claim, done, isJSON: answer.isJSON, answer.output)
  }

  /// The same by a server.
  static func run(
    _ path: String, spine: String?, to peer: Remote.Peer, isJSON: Bool, _ output: Output
  ) throws(Trouble) -> ExitCode {
    let claim = try Claim(path, spine: spine)
    let done = try RemoteExport.make(claim.options, peer, isJSON: isJSON, to: nil)
    return compare(claim, done, isJSON: isJSON, output)
  }

  private static func compare(
    _ claim: Claim, _ done: ExportDone, isJSON: Bool, _ output: Output
  ) -> ExitCode {
    let (digest, identity) = (done.text("content_digest"), done.text("identity"))
    let isSame = digest == claim.digest
    let isSameIdentity = identity == claim.identity
    let isSameQuality = (claim.json["quality"] ?? .null) == (done.json["quality"] ?? .null)
    let code = isSame && isSameIdentity && isSameQuality ? ExitCode.done : .checkFailed
    if isJSON {
      output.line([
        "same": .boolean(isSame), "same_identity": .boolean(isSameIdentity),
        "same_quality": .boolean(isSameQuality), "content_digest": .text(digest),
        "expected": .text(claim.digest), "identity": .text(identity),
      ])
      return code
    }
    output.line(
      isSame
        ? "the same: \(Numbers.count(done.count("rows"), "row")), content digest \(digest)"
        : "not the same: content digest \(digest), and the manifest says \(claim.digest)")
    if !isSameIdentity {
      let old = Set((claim.json["identity_of"]?.string ?? "").split(separator: "\n"))
      let changed = done.text("identity_of").split(separator: "\n").filter { !old.contains($0) }
      output.line("another identity, \(identity): now \(changed.joined(separator: ", "))")
    }
    if !isSameQuality { output.line("the checks find something else than what the manifest says") }
    return code
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

extension Export.Options {
  /// What a manifest says was asked.
  init?(manifest: JSON) {
    guard manifest["apus_training_set"]?.int64 == Int64(SetManifest.version),
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
    zone = asked["timezone"]?.string
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
    if let json = asked["checks"], json != .null {
      var text: [UInt8] = []
      json.write(into: &text)
      guard let checks = try? SetChecks(reading: text, named: "the manifest") else { return nil }
      self.checks = checks
    }
    if let text = asked["split"]?.string {
      guard let split = ExportSplit(spelling: text) else { return nil }
      self.split = split
    }
    point = .lsn(LSN(UInt64(clamping: lsn)))
  }
}

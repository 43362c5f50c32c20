// What came of an export, as its manifest says it: the same words whoever made the set, a folder or a server.

import ApusContracts
import ApusExport

struct ExportDone {
  /// As it is written beside the set.
  let manifest: String
  let json: JSON

  init(_ manifest: String) throws(Trouble) {
    guard let json = JSON(reading: Array(manifest.utf8)), json["apus_training_set"]?.int64 != nil else {
      throw Trouble(
        "strange_answer", "what should be a manifest is none", at: "the set's manifest",
        next: "is there an Apus server of this version?")
    }
    self.manifest = manifest
    self.json = json
  }

  func text(_ key: String) -> String { json[key]?.string ?? "" }
  func count(_ key: String) -> Int { Int(clamping: json[key]?.int64 ?? 0) }

  func give(_ file: SetFile, isJSON: Bool, _ output: Output) -> ExitCode {
    let quality = QualityWords(manifest: json)
    if isJSON {
      output.line(JSON(["manifest": .text(file.manifestPath)]).adding(json))
    } else {
      (words(file) + (quality?.lines ?? [])).forEach { output.line($0) }
    }
    return quality?.isFailed ?? false ? .checkFailed : .done
  }

  /// `fraud@1`, `3 features`.
  private var subject: String {
    let names = json["asked"]?["names"]?.string ?? ""
    guard json["asked"]?["of"]?.string == "features" else { return names }
    return Numbers.count(names.split(separator: ",").count, "feature")
  }

  private func words(_ file: SetFile) -> [String] {
    var lines = [
      "\(Numbers.count(count("rows"), "row")) of \(subject) at LSN \(count("lsn")), "
        + "\(Numbers.count(file.byteCount, "byte")) in \(file.path)"
    ]
    for feature in json["features"]?.list ?? [] { lines.append(Self.words(feature)) }
    if count("times_taken_for_utc") > 0 {
      lines.append("taken for UTC: \(Numbers.count(count("times_taken_for_utc"), "time")) without a zone")
    }
    let (keyless, timeless) = (count("rows_without_key"), count("rows_without_time"))
    if keyless + timeless > 0 {
      lines.append(
        "\(Numbers.count(keyless, "row")) without a key, \(Numbers.grouped(timeless)) without a time: "
          + "nothing was found of them")
    }
    if let column = json["lsn_column"]?.string {
      lines.append("rows repeat what was served at their `\(column)`")
    }
    for range in json["lost_lsns"]?.list ?? [] {
      lines.append("what LSNs \(range.string ?? "") said is lost, and not in the set")
    }
    lines.append("identity \(text("identity")), manifest \(file.manifestPath)")
    return lines
  }

  private static func words(_ feature: JSON) -> String {
    func count(_ group: String, _ key: String) -> Int { Int(clamping: feature[group]?[key]?.int64 ?? 0) }
    func count(_ key: String) -> Int { Int(clamping: feature[key]?.int64 ?? 0) }
    var words = ["\(Numbers.grouped(count("statuses", "present"))) present"]
    func add(_ number: Int, _ what: String) {
      if number > 0 { words.append("\(Numbers.grouped(number)) \(what)") }
    }
    add(count("statuses", "null_value"), "null")
    for reason in [BlankReason.neverSeen, .notYetKnown, .deleted, .erased, .beyondHistory] {
      add(count("reasons", reason.spelling), reason.inWords)
    }
    add(count("statuses", "outside_max_age"), "out of age")
    if count("leak_delta") > 0 { words.append("leak delta \(Numbers.grouped(count("leak_delta")))") }
    add(count("assumed_known_at"), "by an assumed known-at")
    return "  \(feature["name"]?.string ?? "")   \(words.joined(separator: ", "))"
  }
}

extension Get.Wanted {
  /// The option that says it, without its dashes.
  var option: String {
    switch self {
    case .service: "service"
    case .features: "features"
    case .view: "view"
    case .receipt: "receipt"
    }
  }

  var text: String {
    switch self {
    case .service(let name), .view(let name): "\(name)"
    case .features(let names): names.joined(separator: ",")
    case .receipt: spelled
    }
  }
}

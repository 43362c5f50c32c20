// `apus inspect manifest`: the promises of a store, in the order in which they were made.

import ApusBytes
import ApusLog
import ApusSystem

enum ManifestEdits {
  static func run(_ data: String, json: Bool, output: Output) throws(LogError) -> ExitCode {
    let manifest = try LogOverview.manifest(data, on: RealDisk())
    // Edits are counted on from one manifest to the next.
    let first = manifest.survey.place.nextBase.rawValue - UInt64(manifest.edits.count)
    if json {
      output.line(self.json(of: manifest, first: first))
      return .done
    }
    output.line("store     \(manifest.storeID)")
    output.line("manifest  \(manifest.name), \(Numbers.count(manifest.edits.count, "edit"))")
    for (at, changes) in manifest.edits.enumerated() {
      output.line()
      output.line("edit \(first + UInt64(at))\(at == 0 ? ", a snapshot of all before" : "")")
      for change in changes { output.line("  \(words(for: change))") }
    }
    if case .torn(let cut) = manifest.survey.tail {
      output.line()
      output.line("torn at byte \(cut.at): \(cut.fault); what was cut short never took effect")
    }
    return .done
  }

  private static func words(for change: ManifestChange) -> String {
    switch change {
    case .epoch(let epoch): "epoch \(epoch) begins"
    case .ceiling(let lsn): "LSNs below \(lsn) may be given out"
    case .floor(let lsn): "the log begins at LSN \(lsn)"
    case .nextFile(let id): "file ids from \(id) on are unused"
    case .add(let file): "file \(file.id) is added: \(file.name), from LSN \(file.first), epoch \(file.epoch)"
    case .seal(let id, let seal):
      "file \(id) is finished: up to LSN \(seal.last), \(Numbers.count(seal.frames, "frame")), "
        + Numbers.count(seal.byteCount, "byte")
    case .remove(let id): "file \(id) is removed"
    case .forget(let id): "file \(id) is gone from the disk"
    case .gap(let lsns): "\(lsns) are skipped"
    case .damage(let damage): "damage is known: \(damage)"
    case .appendTime(let time): "append times were given out up to \(time)"
    case .accepted(let loss): "\(loss)"
    case .fork(let fork): "\(fork)"
    case .reserve(let first, let end): "file ids \(first) to \(end.rawValue - 1) are reserved"
    case .held(let lsns): "of the loss of \(lsns) the newest rows lack nothing"
    case .givenUp(let file): "\(file)"
    case .erased(let erasure):
      "the erasure at LSN \(erasure.lsn) is kept: \(Numbers.count(erasure.keyCount, "key"))"
    case .erasuresKept(let lsn): "erasures are kept from LSN \(lsn) on"
    }
  }

  private static func json(of manifest: ManifestReading, first: UInt64) -> JSON {
    let edits = manifest.edits.enumerated().map { at, changes -> JSON in
      [
        "edit": .number(first + UInt64(at)), "snapshot": .boolean(at == 0),
        "changes": .list(changes.map { json(of: $0) }),
      ]
    }
    let head: JSON = ["store_id": .text("\(manifest.storeID)"), "name": .text(manifest.name)]
    return head.adding(manifest.survey.tail.json).adding(["edits": .list(edits)])
  }

  private static func json(of change: ManifestChange) -> JSON {
    switch change {
    case .epoch(let epoch): ["change": "epoch", "epoch": .number(epoch)]
    case .ceiling(let lsn): ["change": "ceiling", "lsn": .number(lsn.rawValue)]
    case .floor(let lsn): ["change": "floor", "lsn": .number(lsn.rawValue)]
    case .nextFile(let id): ["change": "next_file", "file_id": .number(id.rawValue)]
    case .add(let file):
      [
        "change": "add", "file_id": .number(file.id.rawValue), "kind": .number(file.kind.rawValue),
        "name": .text(file.name), "first_lsn": .number(file.first.rawValue), "epoch": .number(file.epoch),
        "header_crc": .text(Hex.text(file.headerCRC)),
      ]
    case .seal(let id, let seal):
      [
        "change": "seal", "file_id": .number(id.rawValue), "last_lsn": .number(seal.last.rawValue),
        "frames": .number(seal.frames), "bytes": .number(seal.byteCount),
        "digest": .text(Hex.text(seal.digest)),
      ]
    case .remove(let id): ["change": "remove", "file_id": .number(id.rawValue)]
    case .forget(let id): ["change": "forget", "file_id": .number(id.rawValue)]
    case .gap(let lsns): JSON(["change": "gap"]).adding(lsns.json)
    case .damage(let damage): JSON(["change": "damage"]).adding(damage.json(in: nil))
    case .appendTime(let time): ["change": "append_time", "time": .text("\(time)")]
    case .accepted(let loss): JSON(["change": "accepted"]).adding(loss.json)
    case .fork(let fork): JSON(["change": "fork"]).adding(fork.json)
    case .reserve(let first, let end):
      JSON(["change": "reserve", "first": .number(first.rawValue), "end": .number(end.rawValue)])
    case .held(let lsns): JSON(["change": "held"]).adding(lsns.json)
    case .givenUp(let file): JSON(["change": "given_up"]).adding(file.json)
    case .erased(let erasure):
      [
        "change": "erased", "lsn": .number(erasure.lsn.rawValue), "time": .text("\(erasure.time)"),
        "keys": .number(erasure.keyCount),
      ]
    case .erasuresKept(let lsn): ["change": "erasures_kept", "lsn": .number(lsn.rawValue)]
    }
  }
}

// Why a view version cannot be filled from another, for people; the code is for programs, and never changes.

import ApusBytes
import ApusContracts
import ApusSystem

extension BackfillRefusal: CustomStringConvertible {
  package var description: String {
    switch self {
    case .sameVersion(let view): "\(view) is the source and the target"
    case .otherProject: "the two versions are of two projects"
    case .otherKeys(let source, let target): "the keys are not the same: \(source) and \(target)"
    case .unknownFeature(let name, let view): "\(view) has no feature \(Quoted(name))"
    case .mappedTwice(let name, let view): "two features are to become \(name) of \(view)"
    case .mappedAndLeftOut(let name, let view): "\(name) of \(view) is mapped, and left out"
    case .types(let all):
      all.map { "\($0.oldType) \($0.old) would become \($0.newType) \($0.new)" }.joined(separator: "; ")
        + ": not every value would stay what it is"
    case .untold(let names, let view):
      "nothing tells what \(view) requires: \(names.joined(separator: ", "))"
    case .nothingInCommon: "no feature of one is a feature of the other"
    case .otherMap: "it was begun with other features mapped or left out"
    case .foreignOffset(let producer): "the producer \(Quoted(producer)) has read something else"
    case .ahead(let lsn, let now):
      "the event at LSN \(lsn) is ahead of the clock, which says \(WallTime(nanoseconds: now))"
    case .pinned(let name):
      "the pin \(Quoted(name)) keeps a moment to which the source's history does not reach back"
    }
  }

  /// What a person can do about it.
  var next: String {
    switch self {
    case .sameVersion, .otherProject: "name two versions of a view"
    case .otherKeys: "fill a view of the same entity"
    case .unknownFeature: "name one that it has: `apus describe` lists them"
    case .mappedTwice: "map one of them"
    case .mappedAndLeftOut: "say one of --map and --except of it"
    case .types:
      "map another feature, leave it out by --except, or give the new one a type that holds all values of the old"
    case .untold, .nothingInCommon: "say which feature tells it: --map OLD=NEW"
    case .otherMap: "say the same --map and --except as the first time"
    case .foreignOffset: "let that producer have another name"
    case .ahead: "run it again when the clock is past that moment"
    case .pinned: "release the pin, or let it hold other views"
    }
  }

  var code: String {
    switch self {
    case .sameVersion, .otherProject, .otherKeys: "backfill_refused"
    case .unknownFeature: "unknown_feature"
    case .mappedTwice, .mappedAndLeftOut, .types, .untold, .nothingInCommon: "backfill_map"
    case .otherMap, .foreignOffset: "other_backfill"
    case .ahead: "clock_behind"
    case .pinned: "pinned"
    }
  }
}

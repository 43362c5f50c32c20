// The overlay as a dictionary of lists: slow, and plainly right.

/// What an overlay should hold. Generations oldest first; in each, every version of every key with its LSN.
struct OverlayModel {
  struct Version: Equatable {
    let lsn: UInt64
    let bytes: [UInt8]
  }

  struct Generation {
    let first: UInt64
    var last: UInt64?
    var versions: [[UInt8]: [Version]] = [:]
  }

  var generations: [Generation]
  var visible: UInt64
  /// The end of the newest generation that was dropped, or the checkpoint.
  var floor: UInt64

  init(after checkpoint: UInt64) {
    generations = [Generation(first: checkpoint + 1)]
    visible = checkpoint
    floor = checkpoint
  }

  var active: Generation {
    get { generations[generations.count - 1] }
    set { generations[generations.count - 1] = newValue }
  }

  /// The key's newest version in the active generation, with these bytes behind it.
  mutating func append(_ key: [UInt8], _ bytes: [UInt8], at lsn: UInt64) {
    let before = active.versions[key]?.last?.bytes ?? []
    active.versions[key, default: []].append(Version(lsn: lsn, bytes: before + bytes))
  }

  mutating func freeze() -> Bool {
    if active.first > visible { return false }
    active.last = visible
    generations.append(Generation(first: visible + 1))
    return true
  }

  mutating func insert(_ batch: [[UInt8]: Version], through last: UInt64) {
    _ = freeze()
    active.versions = batch.mapValues { [$0] }
    active.last = last
    generations.append(Generation(first: last + 1))
  }

  mutating func drop() {
    floor = generations.removeFirst().last ?? floor
  }

  /// Newest generation first, each key's last version up to `limit`.
  func found(_ key: [UInt8], through limit: UInt64) -> [Found] {
    generations.reversed().compactMap { generation in
      generation.versions[key]?.last { $0.lsn <= limit }.map {
        Found(bytes: $0.bytes, first: generation.first)
      }
    }
  }
}

// EXPORT and the frames of its stream, as the page has them.

extension PlainReader {
  func credit() throws -> Plain {
    let bytes = try u(8)
    guard bytes > 0 else { throw PlainFault(description: "no credit") }
    return .of(["bytes": .number(bytes)])
  }

  func progress() throws -> Plain {
    let phase = try one(of: 1...3, size: 1)
    try zero(7)
    let done = try number(8)
    let total = try u(8)
    return .of([
      "phase": .number(phase), "done": done, "total": total == .max ? .nothing : .number(total),
    ])
  }

  func export() throws -> Plain {
    let kind = try one(of: 1...3, size: 1)
    let labels = try one(of: 1...3, size: 1)
    let mode = try one(of: 1...2, size: 1)
    let snapshot = try one(of: 1...4, size: 1)
    let options = try one(of: 0...15, size: 1)
    let columns = try one(of: 0...15, size: 1)
    try zero(2)
    let delay = Int64(bitPattern: try u(8))
    guard delay >= 0 else { throw PlainFault(description: "delay") }
    if snapshot != 2 { try zero(8) }
    let lsn = snapshot == 2 ? try number(8) : .nothing
    if snapshot != 3 { try zero(8) }
    let time = snapshot == 3 ? try signed() : .nothing
    if labels != 3 { try zero(16) }
    let (from, through) =
      labels == 3 ? (Int64(bitPattern: try u(8)), Int64(bitPattern: try u(8))) : (0, 0)
    guard from <= through else { throw PlainFault(description: "moments") }
    let unit = try int(8)
    guard [0, 1, 1_000, 1_000_000, 1_000_000_000].contains(unit) else {
      throw PlainFault(description: "unit")
    }
    let project = try name()
    var count = 0
    let names = try list(2) {
      count += 1
      return try name()
    }
    guard kind == 2 || count == 1, labels != 3 || kind == 3 else { throw PlainFault(description: "names") }
    let (moments, lsns) = (try name(), try name())
    var keyCount = 0
    let keys = try list(2) {
      keyCount += 1
      return .list([try name(), try name()])
    }
    let zone = try name()
    let isOfSpine =
      moments != .text("") || lsns != .text("") || keyCount > 0 || zone != .text("") || unit != 0
    guard labels != 3 || !isOfSpine else { throw PlainFault(description: "no spine") }
    let (prefix, split, pin) = (try name(), try name(), try name())
    guard (pin == .text("")) == (snapshot != 4) else { throw PlainFault(description: "pin") }
    let checks = try text()
    let told = Plain.list([try name(), try name(), try name(), try name()])
    let point: [Plain] = snapshot == 2 ? [lsn] : snapshot == 3 ? [time] : snapshot == 4 ? [pin] : []
    return .of([
      "kind": .number(kind),
      "labels": .list([.number(labels)] + (labels == 3 ? [.number(from), .number(through)] : [])),
      "mode": .number(mode), "snapshot": .list([.number(snapshot)] + point), "options": .number(options),
      "columns": .number(columns), "delay": .number(delay), "unit": .number(unit), "project": project,
      "names": names, "moments": moments, "lsns": lsns, "keys": keys, "time zone": zone, "prefix": prefix,
      "split": split, "checks": checks, "told": told,
    ])
  }
}

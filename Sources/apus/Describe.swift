// `apus describe`: what a store has, as it is on disk or served. A name may be a view's or a service's; where both have it, both are
// shown.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem

enum Describe {
  static func run(_ name: VersionedName?, in project: String?, _ answer: Answer) throws(Trouble) -> ExitCode {
    let look = try answer.facts()
    let naming = Naming(registry: look.state.registry, place: answer.place)
    guard let name else {
      let only = try project.map { name throws(Trouble) in try naming.project(name) }
      let overview = StoreOverview(look, only: only, answer.place, now: SystemClock().wall())
      answer.give(overview.lines, overview.json)
      return .done
    }
    let found = try naming.project(project)
    let having = try naming.having(name.name, in: found)
    var lines: [String] = []
    var json: JSON = ["project": .text(found.name)]
    if having.view {
      let view = ViewDescription(look, try naming.version(name, in: found), now: SystemClock().wall())
      lines += view.lines
      json = json.adding(["view": view.json])
    }
    if having.service {
      let service = ServiceDescription(naming.registry, try naming.version(ofService: name, in: found))
      if !lines.isEmpty { lines.append("") }
      lines += service.lines
      json = json.adding(["service": service.json])
    }
    answer.give(lines, json)
    return .done
  }
}

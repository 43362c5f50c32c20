import Foundation
import Testing

@Suite("diff of definitions")
struct DifferenceDefinitionTests {
  @Test("another default, and a feature that its view no longer has, are definitions that differ")
  func definitions() throws {
    let shop = try Shop(
      """
      project: shop
      entities:
        card: {keys: {card_id: string}}
      views:
        activity:
          entity: card
          ttl: none
          features:
            count: {type: int64}
            action: {type: string}
      services:
        score:
          features:
            - {view: activity, take: [count, action]}
          defaults: {count: 0}

      """)
    try shop.prepare()
    try Data("card_id,event_timestamp,count,action\nc1,2020-01-01T14:00:00Z,3,buy\n".utf8).write(
      to: URL(filePath: shop.path("rows.csv")))
    let push = try shop.apus("push", "activity", shop.path("rows.csv"), "--known-at", "event-time")
    #expect(push.code == Code.done, "\(push.errors)")
    try Data(
      "card_id,event_timestamp\nc1,2020-01-02T00:00:00Z\nnobody,2020-01-02T00:00:00Z\n".utf8
    ).write(to: URL(filePath: shop.path("labels.csv")))
    func export(_ name: String, _ service: String) throws -> String {
      let run = try shop.apus(
        "export", "--spine", shop.path("labels.csv"), "--service", service, "--out", shop.path("\(name).csv"))
      #expect(run.code == Code.done, "\(run.errors)")
      return shop.path("\(name).manifest.json")
    }
    let first = try export("a", "score@1")
    try shop.change("defaults: {count: 0}", to: "defaults: {count: 1}")
    let second = try shop.apply("--accept", "readers,producers")
    #expect(second.code == Code.done, "\(second.errors)")
    let other = try shop.apus("diff", first, try export("b", "score@2"))
    #expect(other.code == 3 && other.output.contains("1 of 4 cells differ: 1 definition"), "\(other.output)")
    #expect(other.lines.contains("service: score@1 -> score@2"), "\(other.output)")
    #expect(other.output.contains("card_id=nobody at 2020-01-02T00:00:00Z   0 -> 1   definition"))

    try shop.change("      action: {type: string}\n", to: "")
    try shop.change("take: [count, action]", to: "take: [count]")
    let third = try shop.apply("--accept", "readers,producers")
    #expect(third.code == Code.done, "\(third.errors)")
    let removed = try shop.apus("diff", first, try export("c", "score@1"))
    #expect(removed.output.contains("action   1 cell: 1 definition"), "\(removed.output)\(removed.errors)")
    #expect(removed.output.contains("   buy -> null   definition"), "\(removed.output)")
  }
}

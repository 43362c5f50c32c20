// Moments are whole nanoseconds since 1970, UTC; each kind is a type of its own, so that none can stand for another.

/// When something became true.
package struct EventTime: Comparable, Hashable, Sendable {
  package var nanoseconds: Int64
  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  package static func < (a: EventTime, b: EventTime) -> Bool { a.nanoseconds < b.nanoseconds }
}

/// The producer's own time of revision; else the append time. It breaks ties, nothing else.
package struct CreatedAt: Comparable, Hashable, Sendable {
  package var nanoseconds: Int64
  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  package static func < (a: CreatedAt, b: CreatedAt) -> Bool { a.nanoseconds < b.nanoseconds }
}

/// When a reader could first have seen an event: a lower bound.
package struct KnownAt: Comparable, Hashable, Sendable {
  package var nanoseconds: Int64
  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  package static func < (a: KnownAt, b: KnownAt) -> Bool { a.nanoseconds < b.nanoseconds }
}

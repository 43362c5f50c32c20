// The one table of what every change of a definition means: for producers (is what they send still admitted?) and for
// readers (may they see something new, or miss something?). Evolution.md shows the same table, and a test compares them.

/// What a change means for one party.
package enum Verdict: String, Sendable {
  case safe
  /// Something that was admitted may be refused.
  case breaking = "BREAKING"
  /// Cells may hold what they never held before.
  case newValue = "NEW VALUE"
  /// Cells may be blank that were not.
  case mayMiss = "MAY MISS"
  /// Nothing moves: the new version is used by who asks for it.
  case newVersion = "NEW VERSION"
}

/// How a change is made.
package enum PlanEffect: String, Sendable {
  /// Recorded; the contract stays.
  case words
  /// The contract changes within the version.
  case revision
  /// The view gets another version, which is not current before `promote`.
  case newVersion = "new version"
  /// The service gets another version; the old one is served on.
  case newServiceVersion = "new service version"
  /// Something that was not there.
  case addition
}

/// Every kind of change there is.
package enum ChangeClass: String, CaseIterable, Sendable {
  case entityAdded = "add an entity"
  case entityDescribed = "describe an entity"
  case rekeyed = "change an entity's keys"
  case viewAdded = "add a view"
  case viewMoved = "change a view's entity"
  case versionReopened = "apply a view whose versions are all retired"
  case featureAdded = "add a feature"
  case requiredFeatureAdded = "add a required feature"
  case featureRemoved = "remove a feature"
  case retyped = "change type"
  case nullableAllowed = "nullable: false to true"
  case nullableForbidden = "nullable: true to false"
  case requiredDemanded = "required: false to true"
  case requiredLifted = "required: true to false"
  case boundWidened = "lower or drop min, raise or drop max"
  case boundNarrowed = "raise or add min, lower or add max"
  case choicesWidened = "add to one_of, or drop it"
  case choicesNarrowed = "take from one_of, or add it"
  case patternDropped = "drop pattern"
  case patternAdded = "add pattern"
  case patternChanged = "change pattern"
  case lengthWidened = "raise or drop max_length"
  case lengthNarrowed = "lower or add max_length"
  case finiteLifted = "finite: true to false"
  case finiteDemanded = "finite: false to true"
  case ttlLengthened = "lengthen ttl, or none"
  case ttlShortened = "shorten ttl"
  case historyLengthened = "lengthen history"
  case historyShortened = "shorten history, or none"
  case latenessWidened = "raise max_lateness, or none"
  case latenessNarrowed = "lower or add max_lateness"
  case skewWidened = "raise max_future_skew"
  case skewNarrowed = "lower max_future_skew"
  case freshness = "change freshness"
  case words = "change owner, description or tags"
  case serviceAdded = "add a service"
  case serviceFeatureAdded = "add a feature to a service"
  case serviceFeatureRemoved = "remove a feature from a service"
  case serviceFeatureMoved = "take a service's feature from another version, or reorder"
  case serviceKeys = "change a service's keys"
  case defaultChanged = "change a service's default"
  case serviceWords = "change a service's owner, description or tags"

  /// The change's row in the table.
  package var row: (effect: PlanEffect, producers: Verdict, readers: Verdict) {
    switch self {
    case .entityAdded, .viewAdded, .serviceAdded, .versionReopened: (.addition, .safe, .safe)
    case .entityDescribed, .freshness, .words, .serviceWords: (.words, .safe, .safe)
    case .rekeyed, .viewMoved, .retyped: (.newVersion, .newVersion, .newVersion)
    case .featureAdded: (.revision, .safe, .safe)
    case .requiredFeatureAdded: (.revision, .breaking, .safe)
    case .featureRemoved: (.revision, .breaking, .mayMiss)
    case .nullableAllowed, .boundWidened, .choicesWidened, .patternDropped, .lengthWidened, .finiteLifted:
      (.revision, .safe, .newValue)
    case .nullableForbidden, .requiredDemanded, .boundNarrowed, .choicesNarrowed, .patternAdded,
      .lengthNarrowed,
      .finiteDemanded, .latenessNarrowed, .skewNarrowed:
      (.revision, .breaking, .safe)
    case .patternChanged: (.revision, .breaking, .newValue)
    case .requiredLifted, .ttlShortened, .historyShortened: (.revision, .safe, .mayMiss)
    case .ttlLengthened: (.revision, .safe, .newValue)
    case .historyLengthened, .latenessWidened, .skewWidened: (.revision, .safe, .safe)
    case .serviceFeatureAdded, .serviceFeatureRemoved, .serviceFeatureMoved, .serviceKeys, .defaultChanged:
      (.newServiceVersion, .safe, .newVersion)
    }
  }
}

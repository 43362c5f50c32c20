import ApusContracts

/// The example of the documentation, which everything here begins with.
let exampleText = """
  project: fraud
  entities:
    card:    {keys: {card_id: string}}
    account: {keys: {account_id: int64}}
  views:
    card_activity:                # the first apply makes card_activity@1
      entity: card
      owner: payments-ml
      ttl: 30d                    # or none; 0 is refused, because it could mean both
      history: 400d               # default: forever
      freshness: 15m              # objective, measured and alerted
      max_lateness: 7d            # older events become dead letters; default: none
      features:
        txn_count_24h:  {type: int64, nullable: false, min: 0}
        avg_amount_30d: {type: float64, min: 0}
        last_action:    {type: string, one_of: [buy, refund]}
        embedding:      {type: "float32[64]"}
    account_profile:
      entity: account
      ttl: none
      features:
        opened_at: {type: timestamp, nullable: false}
  services:
    fraud:                        # apply pins versions: fraud@1
      features:
        - {view: card_activity, take: [txn_count_24h, avg_amount_30d]}
        - {view: account_profile, as: payer, keys: {account_id: payer_id}}   # one entity in two roles
        - {view: account_profile, as: payee, keys: {account_id: payee_id}}
      defaults: {txn_count_24h: 0}  # fills a blank cell; its status stays what it was
  """

/// What the text defines, or everything that is wrong with it.
func define(_ text: String) -> Result<ProjectDefinition, DefinitionErrors> {
  define(bytes: Array(text.utf8))
}

func define(bytes: [UInt8]) -> Result<ProjectDefinition, DefinitionErrors> {
  do throws(DefinitionErrors) {
    return .success(try DefinitionReader.read([DefinitionFile(name: "fraud.yaml", bytes: bytes)]))
  } catch {
    return .failure(error)
  }
}

/// The example with one of its pieces replaced.
func example(_ old: String, _ new: String) throws -> ProjectDefinition {
  precondition(exampleText.contains(old), "the example has no \(old)")
  return try define(exampleText.replacing(old, with: new)).get()
}

/// Plans, accepts everything, applies.
@discardableResult
func apply(_ definition: ProjectDefinition, to registry: inout Registry) throws -> Plan {
  let plan = try registry.plan(definition)
  for change in try registry.changes(applying: plan, accepting: [.producers, .readers]) {
    try registry.apply(change)
  }
  return plan
}

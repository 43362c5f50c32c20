// Reading begins here: vectors are prepared once, readers belong to a thread each, and the state hash is what two stores
// are compared by.

package import ApusBytes
package import ApusContracts
import ApusIndex
import ApusSystem

extension Store {
  /// A thread's right to read; let go of before the store is closed.
  package func reader() throws(StoreError) -> StoreReader { try StoreReader(of: shared) }

  package func vector(service name: VersionedName, in project: String) throws(StoreError) -> PreparedVector {
    try catalog.vector(service: name, in: project)
  }

  package func vector(features: [String], in project: String) throws(StoreError) -> PreparedVector {
    try catalog.vector(features: features, in: project)
  }

  /// A batch that is admitted under what is in force now. One that is not numbered has no digest, and no producer can send it.
  package func batch(
    _ choice: KnownAtChoice = .live, _ policy: RefusalPolicy = .setAside, isNumbered: Bool = true
  ) -> Batch {
    Batch(catalog, now: shared.clock.wall(), choice: choice, policy: policy, isNumbered: isNumbered)
  }

  /// SHA-256 of the state and of every row, key by key: equal whenever the same frames were applied, by whatever way. Checkpoints first.
  package func stateHash() throws(StoreError) -> SHA256.Digest {
    if appender != nil { try checkpoint() }
    guard let index = shared.newest.1.index else { throw .rebuilding }
    do throws(IndexError) { return try index.stateHash() } catch {
      // As a reader does: what walks all of the index may be the first to meet what is wrong with it.
      if error.meansRebuild { shared.report(error, epoch: index.epoch) }
      throw .index(error)
    }
  }
}

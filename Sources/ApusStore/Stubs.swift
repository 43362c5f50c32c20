// temporary
import ApusBytes
package import ApusSystem
package final class AdmittedBatch: Sendable {
  let payload = ByteWriter()
  package var bytes: RawSpan { @_lifetime(immortal) get { RawSpan() } }
  package let recordCount = 0
  package let counts = RowCounts()
  package let refused: [RefusalTally] = []
  package let deadLetterByteCount: UInt64 = 0
  package let catalogNumber: UInt64 = 0
  package let admittedAt = WallTime(nanoseconds: 0)
  package let digest = RequestDigest(first: 0, second: 0)
  package func admittedAgain(under catalog: Catalog, now: WallTime) throws(StoreError) -> AdmittedBatch { self }
}

// What the settings mean to each room that a server is made of.

import ApusLog
import ApusServer
import ApusStore
import ApusSystem

extension Configuration {
  var storeOptions: StoreOptions {
    var options = StoreOptions()
    options.compacts = true
    options.durability =
      switch durability {
      case .durable: .durable
      case .buffered: .buffered
      }
    options.log.segmentByteCount = UInt64(segmentByteCount)
    options.overlayByteCountBudget = overlayByteCount
    options.lookupByteCountMax = lookupByteCount
    options.generationByteCount = generationByteCount
    options.generationAgeNanoseconds = generationAgeNanoseconds
    options.diskReserveByteCount = UInt64(diskReserveByteCount)
    options.groupByteCountMax = groupByteCountMax
    options.waitingRequestsMax = waitingRequestsMax
    options.waitingByteCountMax = waitingByteCountMax
    options.scrubPeriodNanoseconds = scrubPeriodNanoseconds
    options.deadLetterByteCountMax = UInt64(deadLetterByteCountMax)
    options.deadLetterAgeNanosecondsMax = Int64(clamping: deadLetterAgeNanosecondsMax)
    options.producerIdleNanosecondsMax = Int64(clamping: producerIdleNanosecondsMax)
    options.eraseWithinNanoseconds = Int64(clamping: eraseWithinNanoseconds)
    return options
  }

  var sessionOptions: SessionOptions {
    var options = SessionOptions()
    options.bodyByteCountMax = frameByteCountMax
    options.inFlightMax = inFlightMax
    options.rowsMax = rowsMax
    options.compressFrom = compressFrom ?? 0
    options.exportsMax = exportsMax
    options.exportByteCount = exportByteCount
    options.exportSpineByteCountMax = exportSpineByteCountMax
    options.exportIdleNanoseconds = exportIdleNanoseconds
    options.server = "apus \(Program.version)"
    return options
  }

  var transportLimits: TransportLimits {
    var limits = TransportLimits()
    limits.connectionCountMax = connectionsMax
    limits.outputByteCountMax = outputByteCountMax
    limits.memoryByteCountMax = memoryByteCountMax
    limits.slowReaderNanoseconds = slowReaderNanoseconds ?? .max
    limits.frameNanosecondsMax = slowSenderNanoseconds
    limits.idleNanosecondsMax = idleNanoseconds ?? .max
    return limits
  }

  /// TCP first, in the order of the setting.
  var addresses: [SocketAddress] {
    listen.map(\.socketAddress) + (unixSocket.map { [.unix(path: $0)] } ?? [])
  }
}

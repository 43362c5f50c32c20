// Finds a server and connects, on a thread of its own that ends with that: a name server or a silent host may take seconds, and
// calls on other connections must not wait for it.

import ApusSystem
import ApusWire

struct Connector: Sendable {
  let address: ServerAddress
  let hello: HelloRequest
  let milliseconds: Int32
  let mailbox: LoopMailbox

  init(address: ServerAddress, options: ClientOptions, mailbox: LoopMailbox) {
    self.address = address
    self.mailbox = mailbox
    milliseconds = Int32(clamping: max(1, options.connectTimeout.clampedNanoseconds / 1_000_000))
    let name = options.name.isEmpty ? ClientVersion.name : "\(ClientVersion.name) \(options.name)"
    hello = HelloRequest(
      compressFrom: options.compressFrom.map { UInt32(clamping: max(1, $0)) } ?? 0,
      client: String(name.prefix(Self.nameCharactersMax)),
      token: options.token.map { HelloRequest.Token(id: $0.id, secret: $0.secret) })
  }

  /// HELLO must stay short.
  private static let nameCharactersMax = 200

  /// Says by a letter what came of it; or at once, when it cannot even begin.
  func start(slot: Int, attempt: UInt64) -> ClientError? {
    do throws(SystemError) {
      _ = try SystemThread.start(name: "apus-connect") {
        do throws(ClientError) {
          let descriptor = try connect()
          // After the end nobody takes it: it is closed here.
          if !mailbox.post(.connected(slot: slot, attempt: attempt, descriptor: descriptor)) {
            _ = StreamSocket(descriptor)
          }
        } catch {
          mailbox.post(.notConnected(slot: slot, attempt: attempt, error))
        }
      }
      return nil
    } catch {
      return ClientError(.cannotConnect, "\(error)", where: "\(address)")
    }
  }

  /// The first of the address's places that answers.
  func connect() throws(ClientError) -> Int32 {
    var last: SystemError?
    do throws(SystemError) {
      for place in try address.resolved() {
        do throws(SystemError) {
          let socket = try StreamSocket.connect(to: place, milliseconds: milliseconds)
          return socket.giveUp()
        } catch {
          last = error
        }
      }
    } catch {
      last = error
    }
    throw ClientError(
      .cannotConnect, last.map { "\($0)" } ?? "the address has no place", where: "\(address)",
      next: "is the server running there?")
  }
}

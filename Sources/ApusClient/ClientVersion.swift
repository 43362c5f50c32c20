// What a client calls itself in HELLO, for people who read a server's list of connections.

package enum ClientVersion {
  package static let name = "apus-swift 0.1.0-dev"
}

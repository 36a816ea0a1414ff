import Diagnostics

/// The secret that a client has to send. It is new at each start of the server.
struct BearerToken: Sendable {
  let text: Redacted<String>

  /// Creates a token of 32 random bytes.
  init() {
    var random = SystemRandomNumberGenerator()
    let digits = Array("0123456789abcdef".utf8)
    let bytes = (0..<64).map { _ in digits[Int(UInt8.random(in: 0...15, using: &random))] }
    text = Redacted(String(decoding: bytes, as: UTF8.self))
  }

  init(_ text: String) { self.text = Redacted(text) }

  /// Compares in a time that does not depend on where the texts differ.
  ///
  /// - Parameter authorization: the field of that name.
  func matches(authorization: String?) -> Bool {
    guard let authorization, authorization.hasPrefix("Bearer ") else { return false }
    let given = Array(authorization.utf8.dropFirst("Bearer ".utf8.count))
    let wanted = Array(text.reveal().utf8)
    guard given.count == wanted.count else { return false }
    var difference: UInt8 = 0
    for (one, other) in zip(given, wanted) { difference |= one ^ other }
    return difference == 0
  }
}

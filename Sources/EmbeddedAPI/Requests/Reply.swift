import Values

/// The response to a request, independent of its connection.
enum Reply: Sendable {
  case json(JSON, code: Int = 200, type: String = "application/json", warnings: [String] = [])
  case bytes([UInt8], type: String)
  /// A body whose end is not known. The closure is cancelled when the client disconnects.
  case stream(type: String, @Sendable (Send) async throws -> Void)

  static func failure(_ failure: APIFailure) -> Reply { .json(failure.status, code: failure.code) }

  /// Sends parts of a body.
  struct Send: Sendable {
    let write: @Sendable (_ bytes: [UInt8]) async throws -> Void

    /// Waits while the client does not read.
    func callAsFunction(_ bytes: [UInt8]) async throws { try await write(bytes) }
  }
}

/// Why no server, or no credentials for it, could be determined.
public struct ConnectionError: Error, Sendable, Hashable, CustomStringConvertible {
  public var kind: Kind
  /// One sentence that names the file and ends with the remediation. It contains no secret.
  public var message: String

  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// No flag, environment variable or service account of the daemon's own pod specifies a server.
    case notConfigured
    /// A file does not exist or is not readable.
    case unreadable
    /// A file has invalid content.
    case malformed
    /// A context, cluster or user is referenced but not defined.
    case missing
    /// This requires a flag that was not given.
    case refused
    /// This program does not support the feature.
    case unsupported
    /// An exec plugin returned no credentials.
    case pluginFailed
  }

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  public var description: String { message }
}

/// Why no server, or no credentials for it, could be found where they were looked for.
public struct ConnectionError: Error, Sendable, Hashable, CustomStringConvertible {
  public var kind: Kind
  /// One sentence that names the file and ends with a way out. It holds no secret.
  public var message: String

  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Neither a flag, nor the environment, nor the pod we run in names a server.
    case notConfigured
    /// A file is not there or may not be read.
    case unreadable
    /// A file does not hold what belongs there.
    case malformed
    /// A context, cluster or user that is named is not there.
    case missing
    /// It would be done only with a flag that was not given.
    case refused
    /// This program does not do that.
    case unsupported
    /// A program that gives credentials did not.
    case pluginFailed
  }

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  public var description: String { message }
}

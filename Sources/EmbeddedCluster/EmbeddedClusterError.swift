/// An error that prevents an embedded cluster from being opened or from running.
public struct EmbeddedClusterError: Error, Sendable, Hashable, CustomStringConvertible {
  /// One sentence for the user that ends with the remediation.
  public var description: String

  public init(_ description: String) { self.description = description }
}

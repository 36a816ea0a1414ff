/// Why an embedded cluster cannot be opened or cannot go on.
public struct EmbeddedClusterError: Error, Sendable, Hashable, CustomStringConvertible {
  /// One sentence for people, with the way out last.
  public var description: String

  public init(_ description: String) { self.description = description }
}

import Values

/// A Secret that is mounted as a folder.
public struct SecretMount: Sendable, Hashable {
  public var name: String
  public var path: String
  /// The mode of its files; nil for the default of Kubernetes.
  public var mode: Int?
  public var isReadOnly: Bool

  /// Nil for `null` and for a value without a name.
  public init?(_ secret: JSON) {
    guard let name = secret["name"]?.string, !name.isEmpty else { return nil }
    self.name = name
    path = secret["mountPath"]?.string ?? ""
    mode = secret["defaultMode"]?.count()
    isReadOnly = secret["readOnly"]?.bool ?? false
  }
}

import Values

/// An existing volume claim of the cluster's namespace that is mounted in every member of a role.
public struct VolumeProjection: Sendable, Hashable {
  public var claim: String
  public var path: String
  public var isReadOnly: Bool

  /// Nil for a value without a claim's name.
  public init?(_ projection: JSON) {
    guard let claim = projection["pvcName"]?.string, !claim.isEmpty else { return nil }
    self.claim = claim
    path = projection["mountPath"]?.string ?? ""
    isReadOnly = projection["readOnly"]?.bool ?? false
  }
}

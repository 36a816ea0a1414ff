import Values

/// The part of an object's metadata that kdops reads.
public struct Metadata: Sendable, Hashable {
  public var name: String
  /// Empty if the file does not set it; the file reader fills in the repository's default.
  public var namespace: String
  public var labels: [String: String]
  public var annotations: [String: String]
  public var uid: String?
  public var resourceVersion: String?
  public var generation: Int
  public var deletionTimestamp: String?

  public init(
    name: String, namespace: String, labels: [String: String] = [:], annotations: [String: String] = [:],
    uid: String? = nil, resourceVersion: String? = nil, generation: Int = 0, deletionTimestamp: String? = nil
  ) {
    self.name = name
    self.namespace = namespace
    self.labels = labels
    self.annotations = annotations
    self.uid = uid
    self.resourceVersion = resourceVersion
    self.generation = generation
    self.deletionTimestamp = deletionTimestamp
  }

  /// Nil if the object has no name.
  public init?(_ object: JSON) {
    guard let metadata = object["metadata"], let name = metadata["name"]?.string, !name.isEmpty else {
      return nil
    }
    self.name = name
    namespace = metadata["namespace"]?.string ?? ""
    labels = metadata["labels"]?.strings ?? [:]
    annotations = metadata["annotations"]?.strings ?? [:]
    uid = metadata["uid"]?.string
    resourceVersion = metadata["resourceVersion"]?.string
    generation = metadata["generation"]?.count() ?? 0
    deletionTimestamp = metadata["deletionTimestamp"]?.string
  }
}

extension Metadata {
  /// The commit that requested the current spec; nil for an object that did not come from git.
  public var specCommit: String? {
    annotations[Wire.Annotation.specCommit] ?? annotations[Wire.Annotation.commit]
  }
}

import Diagnostics
import Values

/// One object of a file: of a known kind and with a name, otherwise as it was written.
public struct ManifestDocument: Sendable, Hashable {
  /// The object itself; paths inside it do not begin with `prefix`.
  public var json: JSON
  /// The number of the YAML document that holds it, from 0.
  public var index: Int
  /// Where in that document it stands; `items[2]` for an object of a List, otherwise the root.
  public var prefix: FieldPath
  public var kind: ManifestKind
  /// As written; nil where the file leaves it to the default.
  public var namespace: String?
  public var name: String

  public init(
    json: JSON, index: Int = 0, prefix: FieldPath = .root, kind: ManifestKind, namespace: String? = nil,
    name: String
  ) {
    self.json = json
    self.index = index
    self.prefix = prefix
    self.kind = kind
    self.namespace = namespace
    self.name = name
  }

  public var apiVersion: String { ManifestKind.apiVersion }

  /// The object by kind, namespace and name.
  public func reference(defaultNamespace: String) -> ObjectReference {
    ObjectReference(kind: kind.rawValue, namespace: namespace ?? defaultNamespace, name: name)
  }
}

import Diagnostics
import Values

/// One object of a file. It has a known kind and a name; everything else is as in the file.
public struct ManifestDocument: Sendable, Hashable {
  /// The object itself; paths inside it do not begin with `prefix`.
  public var json: JSON
  /// The index of the YAML document that contains it, from 0.
  public var index: Int
  /// The path of the object in that document; `items[2]` for an object of a List, otherwise the root.
  public var prefix: FieldPath
  public var kind: ManifestKind
  /// The namespace that the file sets; nil if it sets none.
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

  /// The object's kind, namespace and name.
  public func reference(defaultNamespace: String) -> ObjectReference {
    ObjectReference(kind: kind.rawValue, namespace: namespace ?? defaultNamespace, name: name)
  }
}

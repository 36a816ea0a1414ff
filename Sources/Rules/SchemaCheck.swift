import Diagnostics
import KubeDirector
import Manifests
import Values

/// Validates objects against the schemas of their custom resources.
enum SchemaCheck {
  private static let app = compiled(CustomResources.appSchema)
  private static let cluster = compiled(CustomResources.clusterSchema)

  static func findings(of document: ManifestDocument) -> [SchemaFinding] {
    switch document.kind {
    // Unknown fields of apps are also carried and compared; only those of clusters are reported.
    case .app: app?.validate(document.json).filter { $0.kind == .error } ?? []
    case .cluster: cluster?.validate(document.json) ?? []
    }
  }

  static func rule(for finding: SchemaFinding, in reference: ObjectReference) -> any Rule.Type {
    if reference.kind == Wire.appKind { return AppSchema.self }
    return finding.kind == .unknownField ? ClusterUnknownField.self : ClusterSchema.self
  }

  /// Compiles a built-in schema. A test checks that the schemas are valid; objects of an invalid schema are checked
  /// only by the other rules.
  private static func compiled(_ schema: JSON) -> Schema? { try? Schema(schema, formats: words) }

  private static let words = FormatTable(
    [:],
    patternWords: [
      #"^([0-9]+\.?[0-9]*|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]+)?$"#:
        "a quantity such as 500m or 4Gi",
      #"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"#:
        "letters, digits, `-`, `_` and `.`, a letter or digit at both ends",
      #"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"#:
        "lower-case letters, digits and `-`, a letter or digit at both ends",
      #"^[0-9]+\+?$"#: "a number of members, `3` for exactly three or `3+` for at least three",
      #"^(file|https?)://.+\.tgz$"#: "a file, http or https URL that ends in .tgz",
      #"^(file|https?)://.+\.(png|jpeg)$"#: "a file, http or https URL that ends in .png or .jpeg",
      #"^/.*[^/]$"#: "an absolute path without a slash at its end",
      "^/": "an absolute path",
      "^https?://.+": "an http or https URL",
    ])
}

import Values

/// The documents by which clients find out which kinds there are.
///
/// Source: `k8s.io/apimachinery/pkg/apis/meta/v1` and `k8s.io/api/apidiscovery`.
enum Discovery {
  /// The version of Kubernetes whose API this server is most like.
  static func version(_ build: String) -> JSON {
    [
      "major": "1", "minor": "30", "gitVersion": .string("v1.30.0+kdops-\(build)"), "gitCommit": "",
      "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "swift",
      "platform": "linux/amd64",
    ]
  }

  /// `/api`.
  static let coreVersions: JSON = [
    "kind": "APIVersions", "versions": ["v1"],
    "serverAddressByClientCIDRs": [["clientCIDR": "0.0.0.0/0", "serverAddress": ""]],
  ]

  /// `/apis`.
  static var groups: JSON {
    let entries = ServedKind.groupVersions.filter { !$0.group.isEmpty }.map(entry)
    return ["kind": "APIGroupList", "apiVersion": "v1", "groups": .array(entries)]
  }

  /// `/apis/GROUP`.
  static func group(_ name: String) -> JSON? {
    guard let found = ServedKind.groupVersions.first(where: { $0.group == name }) else { return nil }
    var document = entry(found)
    document["kind"] = "APIGroup"
    document["apiVersion"] = "v1"
    return document
  }

  private static func entry(_ groupVersion: GroupVersion) -> JSON {
    let version: JSON = [
      "groupVersion": .string(groupVersion.name), "version": .string(groupVersion.version),
    ]
    return [
      "name": .string(groupVersion.group), "versions": [version], "preferredVersion": version,
    ]
  }

  /// `/api/v1` and `/apis/GROUP/VERSION`.
  static func resources(_ groupVersion: GroupVersion) -> JSON {
    var resources: [JSON] = []
    for kind in groupVersion.kinds {
      var resource: JSON = [
        "name": .string(kind.resource.plural), "singularName": .string(kind.singular),
        "namespaced": .bool(kind.resource.isNamespaced), "kind": .string(kind.resource.kind),
        "verbs": JSON(kind.verbs),
      ]
      if !kind.shortNames.isEmpty { resource["shortNames"] = JSON(kind.shortNames) }
      if !kind.categories.isEmpty { resource["categories"] = JSON(kind.categories) }
      resources.append(resource)
      for subresource in kind.subresources {
        resources.append([
          "name": .string("\(kind.resource.plural)/\(subresource.rawValue)"), "singularName": "",
          "namespaced": .bool(kind.resource.isNamespaced), "kind": .string(kind.resource.kind),
          "verbs": JSON(subresource.verbs),
        ])
      }
    }
    return [
      "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": .string(groupVersion.name),
      "resources": .array(resources),
    ]
  }
}

/// All groups, versions and kinds in one document, which newer clients read from `/api` and `/apis`.
enum AggregatedDiscovery {
  /// The versions of the document that are served; the contents are the same.
  enum Version: String, CaseIterable {
    case v2
    case v2beta1

    var contentType: String {
      "application/json;g=apidiscovery.k8s.io;v=\(rawValue);as=APIGroupDiscoveryList"
    }
  }

  /// The version that a client asks for; nil if it asks for the single documents.
  static func version(accept: String?) -> Version? {
    for range in MediaRange.list(accept) where range.parameters["as"] == "APIGroupDiscoveryList" {
      if let version = range.parameters["v"].flatMap(Version.init) { return version }
    }
    return nil
  }

  /// - Parameter isCore: whether the document is that of `/api`, in place of `/apis`.
  static func document(_ version: Version, isCore: Bool) -> JSON {
    let items = ServedKind.groupVersions.filter { $0.group.isEmpty == isCore }.map { groupVersion -> JSON in
      let metadata: JSON = groupVersion.group.isEmpty ? [:] : ["name": .string(groupVersion.group)]
      return [
        "metadata": metadata,
        "versions": [
          [
            "version": .string(groupVersion.version),
            "resources": .array(groupVersion.kinds.map(resource)), "freshness": "Current",
          ]
        ],
      ]
    }
    return [
      "kind": "APIGroupDiscoveryList",
      "apiVersion": .string("apidiscovery.k8s.io/\(version.rawValue)"), "metadata": [:],
      "items": .array(items),
    ]
  }

  private static func resource(_ kind: ServedKind) -> JSON {
    let responseKind: JSON = [
      "group": .string(kind.resource.group), "version": .string(kind.resource.version),
      "kind": .string(kind.resource.kind),
    ]
    var resource: JSON = [
      "resource": .string(kind.resource.plural), "responseKind": responseKind,
      "scope": kind.resource.isNamespaced ? "Namespaced" : "Cluster",
      "singularResource": .string(kind.singular), "verbs": JSON(kind.verbs),
    ]
    if !kind.shortNames.isEmpty { resource["shortNames"] = JSON(kind.shortNames) }
    if !kind.categories.isEmpty { resource["categories"] = JSON(kind.categories) }
    if !kind.subresources.isEmpty {
      resource["subresources"] = .array(
        kind.subresources.map {
          [
            "subresource": .string($0.rawValue), "responseKind": responseKind, "verbs": JSON($0.verbs),
          ]
        })
    }
    return resource
  }
}

/// One element of an `Accept` field, such as `application/json;as=Table;v=v1;g=meta.k8s.io`.
struct MediaRange: Sendable, Hashable {
  var type: String
  var parameters: [String: String]

  /// The elements in the client's order.
  static func list(_ accept: String?) -> [MediaRange] {
    (accept ?? "").split(separator: ",").map { element in
      let parts = element.split(separator: ";").map { $0.split(separator: " ").joined() }
      var parameters: [String: String] = [:]
      for part in parts.dropFirst() {
        let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
        if pair.count == 2 { parameters[pair[0]] = pair[1] }
      }
      return MediaRange(type: parts.first ?? "", parameters: parameters)
    }
  }
}

import ClusterAPI
import KubeDirector
import Values

/// The schemas of the kinds, for `kubectl explain` and for clients that check whether a parameter is supported.
///
/// Clients decide by the parameters of the `patch` operation of a kind whether the server checks fields and supports
/// a dry run. Built-in kinds have no schema here: the embedded cluster does not check them.
enum OpenAPI {
  /// `/openapi/v3`.
  static let index: JSON = {
    var paths: JSON = [:]
    for groupVersion in ServedKind.groupVersions {
      let digest = Digest.hex(document(groupVersion).serialized(sortedKeys: true), bytes: 16)
      paths[groupVersion.path] = [
        "serverRelativeURL": .string("/openapi/v3/\(groupVersion.path)?hash=\(digest)")
      ]
    }
    return ["paths": paths]
  }()

  /// `/openapi/v3/PATH`.
  static func document(_ groupVersion: GroupVersion) -> JSON {
    var schemas: JSON = [:]
    var paths: JSON = [:]
    for kind in groupVersion.kinds {
      schemas[schemaName(kind)] = schema(of: kind)
      let place = kind.resource.isNamespaced ? "namespaces/{namespace}/" : ""
      let collection = "/\(groupVersion.path)/\(place)\(kind.resource.plural)"
      if kind.isReadOnly {
        paths["\(collection)/{name}"] = ["get": operation("read", kind, parameters: [])]
        continue
      }
      paths[collection] = [
        "get": operation("list", kind, parameters: ["labelSelector", "fieldSelector", "watch"]),
        "post": operation("create", kind, parameters: writing),
      ]
      paths["\(collection)/{name}"] = [
        "get": operation("read", kind, parameters: []),
        "put": operation("replace", kind, parameters: writing),
        "patch": operation("patch", kind, parameters: writing + ["force"]),
        "delete": operation("delete", kind, parameters: ["dryRun", "gracePeriodSeconds"]),
      ]
    }
    return [
      "openapi": "3.0.0", "info": ["title": "Embedded cluster of kdops", "version": "v1"],
      "paths": paths, "components": ["schemas": schemas],
    ]
  }

  /// `/openapi/v2` in the only encoding that clients ask for, protocol buffers: a document without definitions, with
  /// `swagger: "2.0"` in field 1. kubectl then leaves the check of fields to the server.
  static let version2: [UInt8] = [0x0A, 0x03] + Array("2.0".utf8)
  static let version2Type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

  private static let writing = ["dryRun", "fieldManager", "fieldValidation"]

  private static func operation(_ verb: String, _ kind: ServedKind, parameters: [String]) -> JSON {
    let listed = parameters.map { name -> JSON in
      let type: JSON = ["watch", "force"].contains(name) ? "boolean" : "string"
      return ["name": .string(name), "in": "query", "schema": ["type": type]]
    }
    let reference: JSON = ["$ref": .string("#/components/schemas/\(schemaName(kind))")]
    let content: JSON = ["application/json": ["schema": reference]]
    let identifier = GroupVersion(kind.resource).identifier
    return [
      "operationId": .string("\(verb)\(identifier)\(kind.resource.kind)"), "parameters": .array(listed),
      "responses": ["200": ["description": "OK", "content": content]],
      "x-kubernetes-group-version-kind": groupVersionKind(kind),
    ]
  }

  private static func schema(of kind: ServedKind) -> JSON {
    var schema: JSON =
      switch kind.resource {
      case .apps: CustomResources.appSchema
      case .clusters: CustomResources.clusterSchema
      default:
        [
          "type": "object", "x-kubernetes-preserve-unknown-fields": true,
          "properties": [
            "apiVersion": ["type": "string"], "kind": ["type": "string"], "metadata": ["type": "object"],
          ],
        ]
      }
    schema["x-kubernetes-group-version-kind"] = [groupVersionKind(kind)]
    return schema
  }

  private static func groupVersionKind(_ kind: ServedKind) -> JSON {
    [
      "group": .string(kind.resource.group), "version": .string(kind.resource.version),
      "kind": .string(kind.resource.kind),
    ]
  }

  /// A name in the style of Kubernetes: `com.hpe.kubedirector.v1beta1.KubeDirectorApp`.
  private static func schemaName(_ kind: ServedKind) -> String {
    let labels = kind.resource.group.split(separator: ".").reversed().map(String.init)
    return (labels + [kind.resource.version, kind.resource.kind]).joined(separator: ".")
  }
}

extension GroupVersion {
  /// Group and version as one word for operation ids: `KubedirectorHpeComV1beta1`.
  fileprivate var identifier: String {
    (group.split(separator: ".") + [Substring(version)]).map { $0.prefix(1).uppercased() + $0.dropFirst() }
      .joined()
  }
}

import ClusterAPI
import Values

/// The form in which objects are sent: as they are, as a table, or their metadata only.
enum ResponseFormat: Sendable, Hashable {
  case object
  /// A `Table` of `meta.k8s.io`.
  case table(IncludedObject)
  case metadata

  /// The part of its object that a row contains.
  enum IncludedObject: String, Sendable, Hashable {
    case none = "None"
    case metadata = "Metadata"
    case object = "Object"
  }

  /// - Parameters:
  ///   - accept: the field of that name.
  ///   - included: the parameter `includeObject`.
  init(accept: String?, included: String?) {
    for range in MediaRange.list(accept) where range.type == "application/json" || range.type == "*/*" {
      switch range.parameters["as"] {
      case nil:
        self = .object
        return
      case "Table":
        self = .table(included.flatMap(IncludedObject.init) ?? .metadata)
        return
      case "PartialObjectMetadata", "PartialObjectMetadataList":
        self = .metadata
        return
      default: continue
      }
    }
    self = .object
  }
}

/// Writes objects of a kind in a format.
struct ObjectWriter: Sendable {
  let kind: ServedKind
  let format: ResponseFormat
  /// In seconds since 1970.
  var now: Int

  static let tableVersion = "meta.k8s.io/v1"

  func single(_ object: Object) -> JSON {
    switch format {
    case .object: object.json
    case .metadata: Self.metadata(object)
    case .table: table([object], version: object.resourceVersion)
    }
  }

  func list(_ objects: [Object], version: String) -> JSON {
    switch format {
    case .table: return table(objects, version: version)
    case .metadata:
      return [
        "kind": "PartialObjectMetadataList", "apiVersion": .string(Self.tableVersion),
        "metadata": ["resourceVersion": .string(version)], "items": .array(objects.map(Self.metadata)),
      ]
    case .object:
      return [
        "kind": .string(kind.listKind), "apiVersion": .string(kind.resource.apiVersion),
        "metadata": ["resourceVersion": .string(version)], "items": .array(objects.map(\.json)),
      ]
    }
  }

  /// - Parameter hasColumns: false for later events of a watch, whose columns the client knows.
  func table(_ objects: [Object], version: String, hasColumns: Bool = true) -> JSON {
    let columns = Column.of(kind)
    return [
      "kind": "Table", "apiVersion": .string(Self.tableVersion),
      "metadata": ["resourceVersion": .string(version)],
      "columnDefinitions": hasColumns ? .array(columns.map(\.definition)) : .null,
      "rows": .array(
        objects.map { object in
          var row: JSON = ["cells": .array(columns.map { $0.cell(object, now) })]
          row["object"] = included(object)
          return row
        }),
    ]
  }

  private func included(_ object: Object) -> JSON? {
    guard case .table(let included) = format else { return nil }
    switch included {
    case .none: return nil
    case .metadata: return Self.metadata(object)
    case .object: return object.json
    }
  }

  private static func metadata(_ object: Object) -> JSON {
    [
      "kind": "PartialObjectMetadata", "apiVersion": .string(tableVersion),
      "metadata": object.json["metadata"] ?? [:],
    ]
  }
}

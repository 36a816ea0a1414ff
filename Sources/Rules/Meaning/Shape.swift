import Values

/// The rules by which a value is compared by meaning.
///
/// An absent member, `null`, and an empty list or object always mean the same.
indirect enum Shape: Sendable {
  /// Compared literally.
  case plain
  /// A Kubernetes quantity; `1024Mi` equals `1Gi`.
  case quantity
  /// A value with a default.
  case value(default: JSON)
  /// A list of names in any order.
  case names
  /// A list whose items are identified by one of their members, not by their position.
  case keyed(String, Shape)
  case list(Shape)
  /// An object; members without a shape of their own use `others`.
  case object([String: Shape], others: Shape = .plain)
  /// A value that is not compared.
  case ignored

  /// A cluster's spec. The order of `env` matters, because a value may refer to earlier variables.
  static let cluster = Shape.object([
    "namingScheme": .value(default: "CrNameRole"),
    "connections": .object(["clusters": .names, "configmaps": .names, "secrets": .names]),
    "roles": .keyed(
      "id",
      .object([
        "resources": .object([
          "requests": .object([:], others: .quantity), "limits": .object([:], others: .quantity),
        ]),
        "storage": .object(["size": .quantity]),
        "blockStorage": .object(["size": .quantity]),
        "sharedMemory": .quantity,
      ])),
  ])

  /// An app's spec, without the fields that are compared role by role after defaults are resolved.
  static let app = Shape.object([
    "version": .ignored, "upgradable": .ignored,
    "defaultImageRepoTag": .ignored, "defaultConfigPackage": .ignored, "defaultPersistDirs": .ignored,
    "defaultEventList": .ignored, "defaultMaxLogSizeDump": .ignored,
    "configSchemaVersion": .value(default: 7), "systemdRequired": .value(default: false),
    "capabilities": .names,
    "services": .keyed(
      "id",
      .object([
        "endpoint": .object([
          "isDashboard": .value(default: false), "hasAuthToken": .value(default: false),
        ])
      ])),
    "roles": .keyed(
      "id",
      .object([
        "imageRepoTag": .ignored, "configPackage": .ignored, "persistDirs": .ignored, "eventList": .ignored,
        "maxLogSizeDump": .ignored, "cardinality": .ignored,
        "minResources": .object([:], others: .quantity),
        "minStorage": .object(["size": .quantity, "ephemeralModeSupported": .value(default: true)]),
        "containerSpec": .object(["stdin": .value(default: false), "tty": .value(default: false)]),
      ])),
    "config": .object([
      "selectedRoles": .names, "roleServices": .keyed("roleID", .object(["serviceIDs": .names])),
    ]),
  ])
}

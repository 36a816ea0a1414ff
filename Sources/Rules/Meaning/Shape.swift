import Values

/// How a value of an object is to be read when two of them are compared by meaning.
///
/// Everywhere an absent member, `null`, and an empty list or object mean the same.
indirect enum Shape: Sendable {
  /// Compared as it stands.
  case plain
  /// An amount in Kubernetes' notation; `1024Mi` is `1Gi`.
  case quantity
  /// A value that stands for itself when absent.
  case value(default: JSON)
  /// A list of names whose order says nothing.
  case names
  /// A list whose items are known by one of their members, and not by their position.
  case keyed(String, Shape)
  case list(Shape)
  /// Named members have their own shape, all others that of `others`.
  case object([String: Shape], others: Shape = .plain)
  /// Not compared.
  case ignored

  /// A cluster's spec. The order of `env` counts, because a value may refer to those before it.
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

  /// An app's spec, without what is compared role by role after defaults are resolved.
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

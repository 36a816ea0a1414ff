import ClusterAPI
import KubeDirector
import Values

// How the API server reaches the daemon's webhook.
extension InstallationSettings {
  /// In front of the pods; nil where the webhook is not there.
  var serviceObject: JSON? {
    guard admission == .service else { return nil }
    return [
      "apiVersion": "v1", "kind": "Service", "metadata": metadata(Self.admissionService, in: namespace),
      "spec": [
        "selector": labels,
        "ports": [
          ["name": "admission", "protocol": "TCP", "port": 443, "targetPort": JSON(Self.admissionPort)]
        ],
      ],
    ]
  }

  /// Without `caBundle`: the daemon sets it when it has made its certificate, and applying this again leaves it.
  ///
  /// A webhook that does not answer lets everything pass: the reconciler judges by the same rules again.
  var webhookObject: JSON? {
    guard let admission else { return nil }
    let client: JSON =
      switch admission {
      case .url(let url): ["url": .string(url)]
      case .service:
        [
          "service": [
            "namespace": .string(namespace), "name": .string(Self.admissionService),
            "path": .string(Self.admissionPath), "port": 443,
          ]
        ]
      }
    let hooks = Resource.validatingWebhooks
    return [
      "apiVersion": .string(hooks.apiVersion), "kind": .string(hooks.kind),
      "metadata": metadata(ownName, in: nil),
      "webhooks": [
        [
          "name": .string(Self.webhook), "clientConfig": client,
          "rules": [
            [
              "apiGroups": [.string(Wire.group)], "apiVersions": [.string(Wire.version)],
              "operations": ["CREATE", "UPDATE", "DELETE"],
              "resources": [.string(Resource.apps.plural), .string(Resource.clusters.plural)],
              "scope": "Namespaced",
            ]
          ],
          "matchPolicy": "Equivalent", "failurePolicy": "Ignore", "sideEffects": "None",
          "timeoutSeconds": 5, "admissionReviewVersions": ["v1"],
        ]
      ],
    ]
  }
}

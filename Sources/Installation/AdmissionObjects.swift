import ClusterAPI
import KubeDirector
import Values

// The Service and the configuration of the admission webhook.
extension InstallationSettings {
  /// The Service of the webhook; nil without a webhook, or for one with a URL.
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

  /// The webhook configuration, without `caBundle`: the daemon sets it after it has created its certificate, and
  /// applying this object again keeps it.
  ///
  /// If the webhook does not answer, requests are allowed: the reconciler checks the same rules again.
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

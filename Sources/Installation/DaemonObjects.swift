import KubeDirector
import Values

// The daemon's Deployment and its configuration.
extension InstallationSettings {
  /// The content of the daemon's `--config` file.
  var configuration: JSON {
    var settings: JSON = ["schemaVersion": 1, "repo": JSON(repo)]
    settings["branch"] = .string(branch)
    settings["interval"] = .string(interval)
    settings["installation"] = .string(installation)
    settings["systemNamespace"] = .string(systemNamespace)
    settings["tenancy"] = ["namespaces": JSON(tenants ?? ["*"])]
    return settings.merging(otherSettings)
  }

  private var configurationText: String { YAMLStream.text(configuration) }

  var configurationObject: JSON {
    [
      "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(ownName, in: namespace),
      "data": [Folder.configurationFile: .string(configurationText)],
    ]
  }

  /// Paths in the container.
  private enum Folder {
    static let configuration = "/etc/kdops"
    static let configurationFile = "config.yaml"
    static let git = "/run/secrets/kdops-git"
    /// The value of `XDG_STATE_HOME`. The clone of the repository is in `kdops` below it.
    static let stateHome = "/var/lib"
    static let state = "/var/lib/kdops"
  }

  /// A user that the image does not contain and that owns nothing.
  private static let user: JSON = 65532

  /// The Deployment. With the default strategy a new pod starts before an old one ends; it waits until the old one has
  /// released the lease.
  var deploymentObject: JSON {
    [
      "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(ownName, in: namespace),
      "spec": [
        "replicas": JSON(replicas), "revisionHistoryLimit": 3, "selector": ["matchLabels": labels],
        "template": [
          "metadata": [
            "labels": labels,
            // The daemon reads its configuration once, so a changed configuration requires a new pod.
            "annotations": ["kdops.dev/configuration": .string(Digest.short(configurationText))],
          ],
          "spec": pod,
        ],
      ],
    ]
  }

  private var pod: JSON {
    [
      "serviceAccountName": .string(Self.serviceAccount), "automountServiceAccountToken": true,
      // The variables that Kubernetes derives from services' names could be mistaken for settings.
      "enableServiceLinks": false,
      "securityContext": [
        "runAsNonRoot": true, "runAsUser": Self.user, "runAsGroup": Self.user, "fsGroup": Self.user,
        "seccompProfile": ["type": "RuntimeDefault"],
      ],
      "containers": [container], "volumes": .array(volumes.map(\.volume)),
    ]
  }

  private var container: JSON {
    var arguments = ["run", "--config", "\(Folder.configuration)/\(Folder.configurationFile)"]
    switch admission {
    case nil: break
    case .service: arguments.append("--admission")
    // The certificate must be valid for the host of the URL.
    case .url(let url): arguments += ["--admission-url", url]
    }
    var container: JSON = [
      "name": "kdops", "image": .string(image), "imagePullPolicy": "IfNotPresent", "command": ["kdops"],
      "args": JSON(arguments), "env": .array(environment),
    ]
    if admission != nil {
      container["ports"] = [["name": "admission", "containerPort": JSON(Self.admissionPort)]]
    }
    // The daemon uses 40 to 100 MB. A large fetch may need more for a moment.
    container["resources"] = [
      "requests": ["cpu": "50m", "memory": "64Mi"], "limits": ["memory": "256Mi"],
    ]
    container["securityContext"] = [
      "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": ["drop": ["ALL"]],
    ]
    container["volumeMounts"] = .array(volumes.map(\.mount))
    return container
  }

  /// Instructions to create the Secret with the Git credentials.
  var secretNotes: [String] {
    let keys: [String]
    switch gitCredentials {
    case .none: return []
    case .token: keys = ["token"]
    case .sshKey: keys = ["ssh-privatekey", "known_hosts"]
    }
    return [
      "The Git credentials are in a Secret that this file does not contain. Create it:",
      "  kubectl create secret generic \(Self.gitSecret) -n \(namespace) \\",
      "    " + keys.map { "--from-file=\($0)=FILE" }.joined(separator: " "),
    ]
  }

  /// Instructions to create the Secret with the key files.
  var keyNotes: [String] {
    guard !keyFiles.isEmpty else { return [] }
    return [
      "The files that the settings name are in a Secret that this file does not contain. Create it:",
      "  kubectl create secret generic \(Self.keysSecret) -n \(namespace) \\",
      "    " + keyFiles.map { "--from-file=\($0.key)=\(Self.copied($0.file))" }.joined(separator: " "),
    ]
  }

  /// A path that needs no shell quoting; `FILE` for any other path or for none.
  private static func copied(_ file: String?) -> String {
    guard let file, file.hasPrefix("/"),
      file.utf8.allSatisfy({ byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
          || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "/._-+@".utf8.contains(byte)
      })
    else { return "FILE" }
    return file
  }

  private var environment: [JSON] {
    var variables = [("XDG_STATE_HOME", Folder.stateHome)]
    switch gitCredentials {
    case .none: break
    case .token: variables.append(("KDOPS_GIT_TOKEN_FILE", "\(Folder.git)/token"))
    case .sshKey:
      variables.append(("KDOPS_GIT_SSH_KEY_FILE", "\(Folder.git)/ssh-privatekey"))
      variables.append(("KDOPS_GIT_KNOWN_HOSTS", "\(Folder.git)/known_hosts"))
    }
    return variables.map { ["name": .string($0.0), "value": .string($0.1)] }
  }

  private struct Volume {
    var name: String
    var path: String
    var isReadOnly = true
    var source: (kind: String, content: JSON)

    var volume: JSON { ["name": .string(name), source.kind: source.content] }
    var mount: JSON {
      var mount: JSON = ["name": .string(name), "mountPath": .string(path)]
      if isReadOnly { mount["readOnly"] = true }
      return mount
    }
  }

  private var volumes: [Volume] {
    var volumes = [
      Volume(
        name: "config", path: Folder.configuration, source: ("configMap", ["name": .string(ownName)])),
      Volume(name: "state", path: Folder.state, isReadOnly: false, source: ("emptyDir", [:])),
    ]
    if gitCredentials != .none {
      volumes.append(Volume(name: "git", path: Folder.git, source: Self.secret(Self.gitSecret)))
    }
    if !keyFiles.isEmpty {
      volumes.append(Volume(name: "keys", path: Self.keysFolder, source: Self.secret(Self.keysSecret)))
    }
    return volumes
  }

  /// A volume with the whole Secret, so that changes take effect without a restart. The mode 288 is 0440, for the
  /// group of the pod's volumes. The volume is optional, so that a daemon without the Secret starts and reports what
  /// is missing, instead of a pod that only waits.
  private static func secret(_ name: String) -> (kind: String, content: JSON) {
    ("secret", ["secretName": .string(name), "defaultMode": 288, "optional": true])
  }
}

extension JSON {
  /// Merges another object into this one, recursively.
  fileprivate func merging(_ other: JSON) -> JSON {
    guard object != nil, let members = other.object else { return other }
    var merged = self
    for (key, value) in members { merged[key] = merged[key]?.merging(value) ?? value }
    return merged
  }
}

import GitStore
import Installation
import Values

extension InstallationSettings {
  /// The settings that have their own property in `InstallationSettings`.
  private static let known: Set<String> = [
    "repo", "branch", "interval", "installation", "systemNamespace", "tenancy.namespaces",
  ]

  /// The settings that name files, and the keys of the Secret that mounts those files in the pod.
  private static let files = [
    "verify.allowedSigners": "allowed-signers", "verify.keyring": "keyring", "commits.sshKey": "signing-key",
    "forge.tokenFile": "forge-token", "pods.configcli": "configcli.tgz",
    "webhook.secretFile": "webhook-secret",
  ]

  /// Mounts a file in the pod. A path that is already one of the pod's mounted files is unchanged.
  private mutating func take(file: String, _ key: String) -> String {
    if file.hasPrefix("/run/secrets/\(Self.gitSecret)/") { return file }
    let folder = "\(Self.keysFolder)/"
    let isThere = file.hasPrefix(folder) && !file.dropFirst(folder.count).contains("/")
    let taken =
      isThere
      ? KeyFile(key: String(file.dropFirst(folder.count)), file: nil) : KeyFile(key: key, file: file)
    keyFiles.append(taken)
    return taken.path
  }

  /// Mounts the files of the targets of notifications.
  private mutating func take(targets: JSON) -> JSON {
    .array(
      (targets.array ?? []).map { target in
        var target = target
        let name = target["name"]?.string ?? ""
        for (key, suffix) in [("urlFile", "url"), ("secretFile", "secret")] {
          guard let file = target[key]?.string else { continue }
          target[key] = .some(.string(take(file: file, "notification-\(name)-\(suffix)")))
        }
        return target
      })
  }

  /// Creates the installation of a daemon with this configuration. It runs in its system namespace and has no
  /// repository yet.
  ///
  /// - Parameter values: The checked values of all keys.
  init(configuration values: [String: JSON]) {
    self.init()
    func text(_ key: String, _ standard: String) -> String { values[key]?.string ?? standard }
    namespace = text("systemNamespace", namespace)
    systemNamespace = namespace
    installation = text("installation", installation)
    branch = text("branch", branch)
    interval = text("interval", interval)
    tenantNamespaces = values["tenancy.namespaces"]?.array?.compactMap(\.string) ?? tenantNamespaces
    for setting in Setting.all where !Self.known.contains(setting.key) {
      guard var value = values[setting.key], value != setting.standard else { continue }
      if let key = Self.files[setting.key], let file = value.string, !file.isEmpty {
        value = .string(take(file: file, key))
      }
      if setting.key == "notifications" { value = take(targets: value) }
      let steps = setting.key.split(separator: ".").map(String.init)
      guard let name = steps.last else { continue }
      // Keys have at most one section.
      if let section = steps.dropLast().first {
        var members = otherSettings[section] ?? [:]
        members[name] = value
        otherSettings[section] = members
      } else {
        otherSettings[name] = value
      }
    }
  }

  /// Chooses the daemon's git credentials by the repository's address.
  ///
  /// - Returns: False if the repository is a folder.
  /// - Throws: `GitError` if the address cannot be used.
  mutating func takeCredentials() throws(GitError) -> Bool {
    gitCredentials = .none
    guard let repo else { return true }
    switch try GitURL(repo) {
    case .path: return false
    case .web: gitCredentials = .token
    case .ssh: gitCredentials = .sshKey
    }
    return true
  }
}

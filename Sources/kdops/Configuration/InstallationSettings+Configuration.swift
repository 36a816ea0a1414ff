import GitStore
import Installation
import Values

extension InstallationSettings {
  /// The settings that have a place of their own here.
  private static let known: Set<String> = [
    "repo", "branch", "interval", "installation", "systemNamespace", "tenancy.namespaces",
  ]

  /// An installation whose daemon has this configuration: it lives in its system namespace, on no repository yet.
  ///
  /// - Parameter values: of every key, checked.
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
      guard let value = values[setting.key], value != setting.standard else { continue }
      let steps = setting.key.split(separator: ".").map(String.init)
      guard let name = steps.last else { continue }
      // No key is nested deeper than this.
      if let section = steps.dropLast().first {
        var members = otherSettings[section] ?? [:]
        members[name] = value
        otherSettings[section] = members
      } else {
        otherSettings[name] = value
      }
    }
  }

  /// Chooses what the daemon shows the git host, by the repository's address.
  ///
  /// - Returns: false where the repository is a folder.
  /// - Throws: `GitError` where the address cannot be used.
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

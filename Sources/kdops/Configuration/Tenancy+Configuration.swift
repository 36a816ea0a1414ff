import KubeDirector
import Values

extension Tenancy {
  /// Reads the tenancy settings of the daemon's configuration.
  ///
  /// - Parameter values: The checked values of all keys.
  init(settings values: [String: JSON]) {
    func names(_ setting: Tenancy.Setting) -> [String] {
      values[setting.key]?.array?.compactMap(\.string) ?? []
    }
    func prefix(_ setting: Tenancy.Setting) -> NamePrefix { NamePrefix(values[setting.key]?.string ?? "") }
    func keys(_ setting: Tenancy.Setting) -> KeyList { KeyList(names(setting)) }
    self.init(
      namespaces: names(.namespaces), serviceAccounts: names(.serviceAccounts),
      capabilities: names(.capabilities), secretPrefix: prefix(.secretPrefix),
      configMapPrefix: prefix(.configMapPrefix), claimPrefix: prefix(.claimPrefix),
      fileSources: names(.fileSources),
      affinityNamespaces: names(.affinityNamespaces),
      serviceTypes: names(.serviceTypes), podLabels: keys(.podLabels),
      podAnnotations: keys(.podAnnotations), serviceLabels: keys(.serviceLabels),
      serviceAnnotations: keys(.serviceAnnotations))
  }
}

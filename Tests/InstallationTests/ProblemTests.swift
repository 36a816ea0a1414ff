import Installation
import Testing

@Suite("Settings that cannot be installed")
struct ProblemTests {
  @Test("the exported samples are valid", arguments: Sample.allCases)
  func none(_ sample: Sample) {
    #expect(sample.settings.problems == [])
  }

  @Test(
    "are refused with a message that names the value",
    arguments: [
      (InstallationSettings(namespace: "Kdops"), "\"Kdops\""),
      (InstallationSettings(namespace: "kube-system"), "kube-system"),
      (InstallationSettings(systemNamespace: "a.b"), "\"a.b\""),
      (InstallationSettings(installation: "my_own"), "\"my_own\""),
      (InstallationSettings(installation: String(repeating: "a", count: 41)), "at most 40"),
      (InstallationSettings(tenantNamespaces: ["kube-public"]), "kube-public"),
      (InstallationSettings(tenantNamespaces: ["kdops-system"]), "the daemon's own"),
      (InstallationSettings(tenantNamespaces: ["a\nb"]), "\"a?b\""),
      (InstallationSettings(tenantNamespaces: []), "no tenant namespace"),
      (InstallationSettings(image: "a b"), "\"a b\""), (InstallationSettings(replicas: -1), "-1"),
      (InstallationSettings(admission: .url("http://a/admit")), "https://"),
      (InstallationSettings(admission: .url("https://a/")), "/admit"),
      (InstallationSettings(admission: .url("https://u@a/admit")), "without user"),
      (InstallationSettings(admission: .url("https:///admit")), "\"https:///admit\""),
    ])
  func refused(_ settings: InstallationSettings, _ word: String) {
    #expect(settings.problems.count == 1)
    #expect(settings.problems.first?.contains(word) == true)
  }

  @Test("are all reported at once")
  func all() {
    let settings = InstallationSettings(namespace: "A", installation: "B", tenantNamespaces: ["C", "d"])
    #expect(settings.problems.count == 3)
  }
}

import Installation
import Values

@testable import Manifests

/// The installations whose exports are golden files.
enum Sample: String, CaseIterable {
  case standard, tenants, daemon, outside

  var settings: InstallationSettings {
    switch self {
    case .standard: InstallationSettings()
    case .tenants: InstallationSettings(tenantNamespaces: ["prod", "staging", "prod"])
    case .daemon:
      InstallationSettings(
        namespace: "blue", systemNamespace: "catalog", installation: "blue", tenantNamespaces: ["prod"],
        repo: "https://git.example/fleet.git", branch: "release", interval: "30s", gitCredentials: .token,
        image: "registry.example/kdops:0.1.0", replicas: 2, admission: .service,
        otherSettings: ["upgrade": ["progressDeadline": "15m"], "tenancy": ["secretPrefix": "kd-"]],
        keyFiles: [
          .init(key: "allowed-signers", file: "/etc/kdops/allowed_signers"),
          .init(key: "api-token", file: nil),
        ])
    case .outside:
      InstallationSettings(
        repo: "git@git.example:fleet.git", gitCredentials: .sshKey,
        admission: .url("https://kdops.example:9443/admit"))
    }
  }

  var export: InstallationExport { InstallationExport(settings) }
}

/// The documents of a YAML stream, read like files of a repository.
func documents(_ text: String) throws -> [JSON] {
  let bytes = Array(text.utf8)
  return try bytes.withUnsafeBytes { bytes in
    var reader = try YAMLReader(bytes, limits: .standard)
    var found: [JSON] = []
    while let document = try reader.next() {
      if let issue = document.issues.first { throw issue }
      found.append(document.json)
    }
    return found
  }
}

extension JSON {
  var kind: String { self["kind"]?.string ?? "" }
  var name: String { self["metadata"]?["name"]?.string ?? "" }
  var namespace: String? { self["metadata"]?["namespace"]?.string }
}

extension InstallationExport {
  func objects(_ kind: String) -> [JSON] { objects.filter { $0.kind == kind } }
}

import Diagnostics
import FoundationEssentials
import Manifests
import Values

/// One or several kubeconfig files, merged as `kubectl` merges them: the first definition of a name wins.
struct Kubeconfig: Sendable {
  private(set) var clusters: [String: Stanza] = [:]
  private(set) var users: [String: Stanza] = [:]
  private(set) var contexts: [String: Stanza] = [:]
  private(set) var currentContext: String?
  /// The files that were read, in order; for errors.
  private(set) var files: [String] = []

  /// - Parameter missingIsFine: true for a list in `KUBECONFIG`, of which `kubectl` skips missing files.
  init(_ paths: [String], missingIsFine: Bool) throws(ConnectionError) {
    for path in paths {
      guard let data = FileManager.default.contents(atPath: path) else {
        if missingIsFine, !FileManager.default.fileExists(atPath: path) { continue }
        throw ConnectionError(
          .unreadable, "\(path) cannot be read as a kubeconfig; correct the path or the file's permissions")
      }
      try merge(path, Array(data))
    }
    guard !files.isEmpty else {
      throw ConnectionError(
        .unreadable,
        "none of the files that KUBECONFIG names is there (\(paths.joined(separator: ", "))); correct it or unset it"
      )
    }
  }

  /// The paths of the files, for errors.
  var whereabouts: String { files.joined(separator: ", ") }

  private mutating func merge(_ path: String, _ bytes: [UInt8]) throws(ConnectionError) {
    var limits = ManifestLimits.standard
    limits.bytes = 16 << 20
    limits.expandedBytes = 16 << 20
    let file = SettingsFile(path: path, bytes: bytes, limits: limits)
    if let finding = file.findings.first {
      let line = finding.location.map { ":\($0.line)" } ?? ""
      throw ConnectionError(.malformed, "\(path)\(line): \(finding.message); correct the kubeconfig")
    }
    files.append(path)
    guard let json = file.json, !json.isNull else { return }
    guard json.object != nil else {
      throw ConnectionError(.malformed, "\(path) is no kubeconfig; name another file")
    }
    if let kind = json["kind"]?.string, kind != "Config" {
      throw ConnectionError(.malformed, "\(path) holds a \(kind) and no kubeconfig; name another file")
    }
    try Self.add(json["clusters"], "cluster", path, to: &clusters)
    try Self.add(json["users"], "user", path, to: &users)
    try Self.add(json["contexts"], "context", path, to: &contexts)
    if currentContext == nil, let current = json["current-context"]?.string, !current.isEmpty {
      currentContext = current
    }
  }

  private static func add(
    _ list: JSON?, _ kind: String, _ file: String, to stanzas: inout [String: Stanza]
  ) throws(ConnectionError) {
    guard let list, !list.isNull else { return }
    guard let entries = list.array else {
      throw ConnectionError(.malformed, "\(file): \(kind)s must be a list; correct the kubeconfig")
    }
    for entry in entries {
      guard let name = entry["name"]?.string else {
        throw ConnectionError(.malformed, "\(file): a \(kind) has no name; correct the kubeconfig")
      }
      guard stanzas[name] == nil else { continue }
      stanzas[name] = Stanza(title: "\(kind) \(name)", file: file, json: entry[kind] ?? [:])
    }
  }

  /// Returns the named context, or the current one, with its cluster and user.
  func selection(_ name: String?) throws(ConnectionError) -> KubeconfigSelection {
    guard let name = name ?? currentContext else {
      throw ConnectionError(
        .missing,
        "\(whereabouts): no context is current; run `kubectl config use-context NAME`, or give --context")
    }
    let context = try Self.find(name, "context", in: contexts, whereabouts)
    guard let clusterName = try context.text("cluster") else {
      throw context.malformed("cluster", "is missing")
    }
    let cluster = try Self.find(clusterName, "cluster", in: clusters, whereabouts)
    let user = try context.text("user").map { name throws(ConnectionError) in
      try Self.find(name, "user", in: users, whereabouts)
    }
    return KubeconfigSelection(
      context: name, namespace: try context.text("namespace"), cluster: cluster, user: user)
  }

  private static func find(
    _ name: String, _ kind: String, in stanzas: [String: Stanza], _ files: String
  ) throws(ConnectionError) -> Stanza {
    if let stanza = stanzas[name] { return stanza }
    let known = stanzas.keys.sorted().joined(separator: ", ")
    throw ConnectionError(
      .missing, "\(files): there is no \(kind) \(name); known here: \(known.isEmpty ? "none" : known)")
  }
}

/// A context of a kubeconfig, with its cluster and user.
struct KubeconfigSelection: Sendable {
  let context: String
  let namespace: String?
  let cluster: Stanza
  let user: Stanza?
}

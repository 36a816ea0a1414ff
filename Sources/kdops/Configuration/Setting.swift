import DesiredState
import GitStore
import KubeDirector
import Values

/// One key of the daemon's configuration: its format and its default value.
struct Setting {
  /// The key with dots: `status.notesRef`.
  let key: String
  let kind: Kind
  let standard: JSON
  /// False if this version knows the key, but does not yet support other values than the default.
  var isSupported = true

  enum Kind {
    case text
    case optionalText
    /// The name of an installation: part of refs and a label's value.
    case label
    case flag
    case duration
    /// A duration that is not shorter than the minimum interval.
    case interval
    /// A number of bytes that is enough to start a script.
    case size
    case choice([String])
    case texts
    /// Texts with `*` only at the end, where it matches any text.
    case patterns
    /// Labels or annotations: an object of texts.
    case pairs
    /// A DNS domain.
    case domain
    /// A SHA-256 digest, or null.
    case digest
    /// A full ref below one of these prefixes, or null.
    case ref([String])
    /// A branch below `kdops/`, or null.
    case branch
    /// The targets of notifications: a list of objects, which `ConfigurationReader` checks one by one.
    case targets
  }

  /// The name of the environment variable: `KDOPS_STATUS_NOTES_REF` for `status.notesRef`.
  var variable: String {
    var name = "KDOPS_"
    for character in key {
      if character == "." {
        name += "_"
      } else {
        name += (character.isUppercase ? "_" : "") + character.uppercased()
      }
    }
    return name
  }

  /// Reads a value from a file.
  /// - Returns: Nil if the value is invalid for this key; `expectation` then describes valid ones.
  func value(_ written: JSON) -> JSON? {
    // A plain `nil` literal would be JSON null here.
    accepts(written) ? .some(written) : .none
  }

  private func accepts(_ written: JSON) -> Bool {
    switch (kind, written) {
    case (.text, .string(let text)): !text.isEmpty
    case (.optionalText, .string), (.optionalText, .null), (.ref, .null), (.branch, .null), (.flag, .bool):
      true
    case (.label, .string(let text)): DNSName.isLabel(text, limit: 40)
    case (.duration, .string(let text)): Duration(written: text) != nil
    case (.interval, .string(let text)): Duration(written: text).map { $0 >= Self.shortestInterval } ?? false
    case (.size, .string(let text)): Quantity(text).map { $0.wholeUnits >= Self.smallestSize } ?? false
    case (.choice(let words), .string(let text)): words.contains(text)
    case (.texts, .array(let items)): items.allSatisfy { $0.string != nil }
    case (.patterns, .array(let items)): items.allSatisfy { $0.string.map(Self.isPattern) ?? false }
    case (.pairs, .object(let members)):
      members.allSatisfy { $0.value.string != nil && !$0.key.isEmpty && !KeyList.isReserved($0.key) }
    case (.domain, .string(let text)): DNSName.isSubdomain(text)
    case (.digest, .null): true
    case (.digest, .string(let text)): text.hasPrefix("sha256:") && Self.isDigest(text.dropFirst(7))
    case (.ref(let folders), .string(let text)):
      folders.contains { text.hasPrefix($0) && text.count > $0.count } && Self.isRef(text)
    case (.targets, .array(let items)): items.allSatisfy { $0.object != nil }
    case (.branch, .string(let text)): text.hasPrefix("kdops/") && Self.isRef("refs/heads/\(text)")
    default: false
    }
  }

  /// Reads a value from an environment variable or a flag.
  func value(text: String) -> JSON? {
    switch kind {
    case .flag: ["true": JSON.bool(true), "false": .bool(false)][text]
    case .texts: Self.list(text)
    // A plain `nil` literal would be JSON null here.
    case .patterns: accepts(Self.list(text)) ? .some(Self.list(text)) : .none
    case .pairs: Self.pairs(text).flatMap { value($0) }
    case .targets: (try? JSON.parse(Array(text.utf8))).flatMap { value($0) }
    case .optionalText, .ref, .branch, .digest: value(text.isEmpty ? .null : .string(text))
    default: value(.string(text))
    }
  }

  var expectation: String {
    switch kind {
    case .text: "a text that is not empty"
    case .optionalText: "a text, or null"
    case .label: "a name of lower-case letters, digits and `-`, at most 40 characters long"
    case .flag: "true or false"
    case .duration: "a duration such as 500ms, 1s or 5m"
    case .interval: "a duration of at least 100ms, such as 500ms, 1s or 5m"
    case .size: "a size of at least 64Mi, such as 512Mi or 4Gi"
    case .choice(let words): "one of \(words.joined(separator: ", "))"
    case .texts: "a list of texts"
    case .patterns: "a list of keys, `*` only at the end of one"
    case .pairs:
      "keys with texts, none below kubedirector.hpe.com or kdops.dev; in a variable KEY=VALUE, separated by commas"
    case .domain: "a DNS domain such as cluster.local"
    case .digest: "sha256: and 64 hexadecimal digits, or null"
    case .ref(let folders): "a ref below \(folders.joined(separator: " or ")), or null"
    case .branch: "a branch below kdops/, or null"
    case .targets: "a list of targets; in a variable as JSON"
    }
  }

  private static func isDigest(_ text: Substring) -> Bool {
    text.utf8.count == 64 && text.allSatisfy { $0.isASCII && $0.isHexDigit }
  }

  private static func list(_ text: String) -> JSON {
    JSON(text.split(separator: ",").map { $0.split(separator: " ").joined(separator: " ") })
  }

  /// Nil if an item has no `=`.
  private static func pairs(_ text: String) -> JSON? {
    var found: JSON = [:]
    for item in text.split(separator: ",") {
      let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { return .none }
      found[parts[0].split(separator: " ").joined()] = .some(.string(String(parts[1])))
    }
    return .some(found)
  }

  private static func isPattern(_ text: String) -> Bool {
    !text.isEmpty && !text.utf8.dropLast().contains(UInt8(ascii: "*"))
  }

  /// A git host may block a client that polls more often.
  private static let shortestInterval = Duration.milliseconds(100)

  /// The smallest size that can be set. A shell in a sandbox alone uses this much.
  private static let smallestSize: Int64 = 64 << 20

  /// Whether git accepts the text as a ref name and the status may be written to it.
  private static func isRef(_ text: String) -> Bool {
    (try? RefUpdate(ref: text, .files([:]), message: "")) != nil
  }
}

extension Setting {
  /// All keys, in the order of the documentation.
  static let all: [Setting] = [
    Setting(key: "repo", kind: .optionalText, standard: .null),
    Setting(key: "branch", kind: .text, standard: "main"),
    Setting(key: "interval", kind: .interval, standard: "1m"),
    Setting(key: "compareInterval", kind: .interval, standard: "30m"),
    Setting(key: "installation", kind: .label, standard: "default"),
    Setting(key: "systemNamespace", kind: .text, standard: "kdops-system"),
    Setting(key: "history", kind: .choice(["net", "stepwise"]), standard: "net"),
    Setting(key: "atomic", kind: .choice(["object", "commit"]), standard: "object"),
    Setting(key: "prune", kind: .flag, standard: false),
    Setting(key: "onRewrittenHistory", kind: .choice(["hold", "accept"]), standard: "hold"),
    Setting(key: "status.notes", kind: .flag, standard: true),
    Setting(
      key: "status.notesRef", kind: .ref(["refs/notes/", "refs/kdops/"]), standard: "refs/notes/kdops"),
    Setting(key: "status.tree", kind: .flag, standard: true),
    Setting(
      key: "status.treeRef", kind: .ref(["refs/kdops/", "refs/notes/"]), standard: "refs/kdops/status"),
    Setting(key: "status.branch", kind: .branch, standard: .null),
    Setting(key: "upgrade.progressDeadline", kind: .duration, standard: "0s"),
    Setting(key: "upgrade.onStall", kind: .choice(["report", "revert-commit"]), standard: "report"),
    Setting(key: "upgrade.fixForward", kind: .flag, standard: false),
    Setting(key: "upgrade.scriptTimeout", kind: .duration, standard: "10m"),
    Setting(key: "scripts.memory", kind: .size, standard: "2Gi"),
    Setting(key: "scripts.disk", kind: .size, standard: "4Gi"),
    Setting(
      key: "pods.serviceType", kind: .choice(["ClusterIP", "NodePort", "LoadBalancer"]),
      standard: .string(PodDefaults.standardServiceType)),
    Setting(key: "pods.storageClass", kind: .optionalText, standard: .null),
    Setting(
      key: "pods.clusterDomain", kind: .domain, standard: .string(PodDefaults.standardClusterDomain)),
    Setting(key: "pods.labels", kind: .pairs, standard: [:]),
    Setting(key: "pods.annotations", kind: .pairs, standard: [:]),
    Setting(key: "pods.configcli", kind: .optionalText, standard: .null),
    Setting(key: "pods.configcliDigest", kind: .digest, standard: .null),
    Setting(key: "tenancy.namespaces", kind: .texts, standard: ["*"]),
    Setting(key: "tenancy.serviceAccounts", kind: .texts, standard: []),
    Setting(key: "tenancy.capabilities", kind: .texts, standard: []),
    Setting(key: "tenancy.secretPrefix", kind: .optionalText, standard: ""),
    Setting(key: "tenancy.configMapPrefix", kind: .optionalText, standard: ""),
    Setting(key: "tenancy.claimPrefix", kind: .optionalText, standard: ""),
    Setting(key: "tenancy.fileSources", kind: .patterns, standard: []),
    Setting(key: "tenancy.affinityNamespaces", kind: .texts, standard: []),
    Setting(key: "tenancy.serviceTypes", kind: .texts, standard: JSON(Tenancy.standardServiceTypes)),
    Setting(key: "tenancy.podLabels", kind: .patterns, standard: JSON(KeyList.standardLabels.patterns)),
    Setting(
      key: "tenancy.podAnnotations", kind: .patterns,
      standard: JSON(KeyList.standardPodAnnotations.patterns)),
    Setting(key: "tenancy.serviceLabels", kind: .patterns, standard: JSON(KeyList.standardLabels.patterns)),
    Setting(
      key: "tenancy.serviceAnnotations", kind: .patterns,
      standard: JSON(KeyList.standardServiceAnnotations.patterns)),
    Setting(key: "verify.mode", kind: .choice(["none", "head", "range"]), standard: "none"),
    Setting(key: "verify.allowedSigners", kind: .optionalText, standard: .null),
    Setting(key: "verify.keyring", kind: .optionalText, standard: .null),
    Setting(key: "commits.author", kind: .text, standard: "kdops <kdops@localhost>"),
    Setting(key: "commits.sshKey", kind: .optionalText, standard: .null),
    Setting(key: "forge.kind", kind: .choice(["none", "gitlab", "github"]), standard: "none"),
    Setting(key: "forge.url", kind: .optionalText, standard: .null),
    Setting(key: "forge.project", kind: .optionalText, standard: .null),
    Setting(key: "forge.tokenFile", kind: .optionalText, standard: .null),
    Setting(key: "forge.context", kind: .optionalText, standard: .null),
    Setting(key: "forge.comments", kind: .flag, standard: false),
    Setting(key: "webhook.listen", kind: .optionalText, standard: .null),
    Setting(key: "webhook.secretFile", kind: .optionalText, standard: .null),
    Setting(key: "notifications", kind: .targets, standard: []),
    Setting(key: "dashboard.listen", kind: .optionalText, standard: "127.0.0.1:8080", isSupported: false),
    Setting(key: "dashboard.hosts", kind: .texts, standard: ["localhost"], isSupported: false),
    Setting(key: "dashboard.tokenFile", kind: .optionalText, standard: .null, isSupported: false),
  ]

  static let byKey = Dictionary(uniqueKeysWithValues: all.map { ($0.key, $0) })
}

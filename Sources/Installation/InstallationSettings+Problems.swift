import Values

extension InstallationSettings {
  /// Why these settings cannot be installed, one sentence per reason; empty if they can.
  public var problems: [String] {
    var problems: [String] = []
    if !DNSName.isLabel(namespace, limit: 63) {
      problems.append("the namespace \(Self.shown(namespace)) \(Self.legal)")
    }
    if systemNamespace != namespace, !DNSName.isLabel(systemNamespace, limit: 63) {
      problems.append("the system namespace \(Self.shown(systemNamespace)) \(Self.legal)")
    }
    if namespace.hasPrefix("kube-") {
      problems.append("the namespace \(namespace) belongs to Kubernetes; give the daemon one of its own")
    }
    if !DNSName.isLabel(installation, limit: 40) {
      problems.append(
        "the installation \(Self.shown(installation)) must be small letters, digits and `-`, at most 40 long")
    }
    for tenant in tenants ?? [] {
      if !DNSName.isLabel(tenant, limit: 63) {
        problems.append("the tenant namespace \(Self.shown(tenant)) \(Self.legal)")
      } else if tenant.hasPrefix("kube-") {
        problems.append("the tenant namespace \(tenant) belongs to Kubernetes; leave it out")
      } else if tenant == namespace || tenant == systemNamespace {
        problems.append("the tenant namespace \(tenant) is the daemon's own; give tenants another")
      }
    }
    if tenants?.isEmpty == true {
      problems.append("no tenant namespace is named; name one, or `*` for all")
    }
    if replicas < 0 { problems.append("the number of replicas \(replicas) must not be negative; 1 is usual") }
    if image.isEmpty || image.contains(where: { $0.isWhitespace }) {
      problems.append("the image \(Self.shown(image)) is none; name it as registry/name:tag")
    }
    if case .url(let url) = admission, !Self.isWebhookURL(url) {
      problems.append(
        "the admission URL \(Self.shown(url)) must be https://, without user, query or fragment, "
          + "and end in \(Self.admissionPath)")
    }
    return problems
  }

  private static let legal = "must be small letters, digits and `-`, at most 63 long, as Kubernetes wants it"

  /// Whether the API server accepts the text as a webhook's `clientConfig.url`.
  private static func isWebhookURL(_ text: String) -> Bool {
    let rest = text.dropFirst("https://".count)
    let host = rest.prefix { $0 != "/" }
    return text.hasPrefix("https://") && !host.isEmpty && rest.hasSuffix(admissionPath)
      && !rest.contains { "@?#".contains($0) || $0.isWhitespace || !$0.isASCII }
  }

  /// An invalid text for a message, shortened and on one line.
  private static func shown(_ text: String) -> String {
    let line = text.unicodeScalars.prefix(64).map { (0x20...0x7E).contains($0.value) ? Character($0) : "?" }
    return "\"\(String(line))\""
  }
}

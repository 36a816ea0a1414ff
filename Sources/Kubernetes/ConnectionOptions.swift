import Logging

/// How to find an API server, which credentials to use, and how fast to send requests.
public struct ConnectionOptions: Sendable {
  /// The kubeconfig's path, from `--kubeconfig`. If nil, uses the same places as `kubectl`, and the service
  /// account of the daemon's own pod.
  public var kubeconfig: String?
  /// The context's name, from `--context`; nil for the kubeconfig's current context.
  public var context: String?
  /// The environment from which `KUBECONFIG`, `HOME` and `KUBERNETES_SERVICE_…` are read; exec plugins inherit
  /// it.
  public var environment: [String: String]
  /// Whether exec plugins that a kubeconfig names may be run to get credentials.
  public var allowsExecPlugins = false
  /// Whether a kubeconfig may disable the check of the server's certificate.
  public var allowsInsecureTLS = false

  /// The long-term rate limit for all callers together, in requests per second.
  public var requestsPerSecond = 50.0
  /// The number of requests that may be sent at once after an idle period.
  public var burst = 100
  /// How long a call is retried after transient failures.
  public var retryWindow = Duration.seconds(10)
  /// The maximum time until a response begins.
  public var answerTimeout = Duration.seconds(30)
  /// The time without data after which a watch's connection counts as dead. Servers send a bookmark each
  /// minute.
  public var watchSilence = Duration.seconds(150)

  /// The maximum length of a line of a watch, in bytes. A longer line ends the watch; no object of a cluster is
  /// that large.
  var lineLimit = 64 << 20

  /// Called for every request when its response has begun, or when it has failed.
  public var onRequest: @Sendable (RequestRecord) -> Void = { _ in }
  /// The clock for all waiting.
  public var clock: any Clock<Duration> = ContinuousClock()
  /// A random number from 0 up to, but not including, 1.
  public var random: @Sendable () -> Double = { Double.random(in: 0..<1) }
  /// Seconds since 1970, to compare with dates that servers and plugins write.
  public var wallClock: @Sendable () -> Double = { WallClock.now() }
  /// The folder of a pod's service account.
  public var serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

  public init(
    kubeconfig: String? = nil, context: String? = nil, environment: [String: String] = [:],
    allowsExecPlugins: Bool = false, allowsInsecureTLS: Bool = false
  ) {
    self.kubeconfig = kubeconfig
    self.context = context
    self.environment = environment
    self.allowsExecPlugins = allowsExecPlugins
    self.allowsInsecureTLS = allowsInsecureTLS
  }

  var time: Timekeeper { Timekeeper(clock, wall: wallClock) }
}

/// A request that was sent, described as in RBAC rules.
public struct RequestRecord: Sendable, Hashable, CustomStringConvertible {
  /// `get`, `list`, `watch`, `create`, `update`, `patch` or `delete`.
  public var verb: String
  /// Empty for the core group, and for paths that are not a resource.
  public var group: String
  /// The plural name, with the subresource if there is one (`pods/exec`), or a path such as `/version`.
  public var resource: String
  /// Nil for all namespaces, and for cluster-scoped resources.
  public var namespace: String?
  /// The response's status code; nil if there was no response.
  public var code: Int?

  public init(verb: String, group: String = "", resource: String, namespace: String? = nil, code: Int?) {
    self.verb = verb
    self.group = group
    self.resource = resource
    self.namespace = namespace
    self.code = code
  }

  public var description: String {
    let name = group.isEmpty ? resource : "\(resource).\(group)"
    let place = namespace.map { " in \($0)" } ?? ""
    return "\(verb) \(name)\(place): \(code.map(String.init) ?? "no answer")"
  }
}

import Logging

/// How an API server is found, who we are there, and how gently it is asked.
public struct ConnectionOptions: Sendable {
  /// A kubeconfig's path, from `--kubeconfig`; nil to look where `kubectl` looks, and in the pod we run in.
  public var kubeconfig: String?
  /// A context's name, from `--context`; nil for the kubeconfig's current one.
  public var context: String?
  /// `KUBECONFIG`, `HOME` and `KUBERNETES_SERVICE_…` are read from here; exec plugins inherit it.
  public var environment: [String: String]
  /// Whether programs that a kubeconfig names may be run to get credentials.
  public var allowsExecPlugins = false
  /// Whether a kubeconfig may say that the server's certificate is not to be looked at.
  public var allowsInsecureTLS = false

  /// Requests a second that all callers together send in the long run.
  public var requestsPerSecond = 50.0
  /// Requests that may follow each other at once after a quiet time.
  public var burst = 100
  /// How long a call is tried again after failures that pass by themselves.
  public var retryWindow = Duration.seconds(10)
  /// How long one answer may take to begin.
  public var answerTimeout = Duration.seconds(30)
  /// How long a watch may be silent before its connection counts as dead. Servers send a bookmark each minute.
  public var watchSilence = Duration.seconds(150)

  /// A line of a watch that is longer than this, in bytes, ends the watch: no object of a cluster is that large.
  var lineLimit = 64 << 20

  /// Hears of every request once its answer has begun, or failed to.
  public var onRequest: @Sendable (RequestRecord) -> Void = { _ in }
  /// What waiting is measured with.
  public var clock: any Clock<Duration> = ContinuousClock()
  /// A number from 0 up to, but not including, 1.
  public var random: @Sendable () -> Double = { Double.random(in: 0..<1) }
  /// Seconds since 1970, for dates that servers and plugins write.
  public var wallClock: @Sendable () -> Double = { WallClock.now() }
  /// Where a pod finds its service account.
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

/// One request that was sent, in the words of a role's rules.
public struct RequestRecord: Sendable, Hashable, CustomStringConvertible {
  /// `get`, `list`, `watch`, `create`, `update`, `patch` or `delete`.
  public var verb: String
  /// Empty for the core group, and for paths that belong to no resource.
  public var group: String
  /// The plural name, with the subresource where there is one (`pods/exec`), or a path such as `/version`.
  public var resource: String
  /// Nil for all namespaces, and for what belongs to none.
  public var namespace: String?
  /// The status of the answer; nil where none came.
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

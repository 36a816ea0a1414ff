/// The history of a cluster's last upgrades and rollbacks: what was done to its pods, when, and because of which
/// commit.
///
/// It is part of the status, so that it outlives the process that writes it. No decision depends on it. It is limited
/// to `runLimit` runs, `podLimit` pods and `waitLimit` waits per run, which is below 48 KiB for names of any length.
public struct Journal: Sendable, Hashable {
  /// The oldest first.
  public var runs: [Run]

  public static let runLimit = 4
  public static let podLimit = 96
  public static let waitLimit = 8
  /// The maximum number of bytes of a pod's error or of a wait's description.
  public static let textLimit = 120

  public init(runs: [Run] = []) { self.runs = runs }

  /// One upgrade, or one rollback. All durations are in whole seconds.
  public struct Run: Sendable, Hashable {
    /// The upgrade's id, which its rollback shares.
    public var id: String
    public var isRollback: Bool
    public var from: String
    public var to: String
    /// The commit that requested it.
    public var commit: String?
    /// In whole seconds since 1970.
    public var began: Int
    /// Nil while it runs.
    public var ended: Int?
    /// True if a rollback replaced it before it was complete.
    public var isTurnedBack: Bool
    /// In the order in which they were claimed; a pod that was claimed twice is listed twice.
    public var pods: [Pod]
    public var waits: [Wait]
    /// The number of pods that were dropped to stay within the limits.
    public var omitted: Int

    public init(
      id: String, isRollback: Bool, from: String, to: String, commit: String?, began: Int, ended: Int? = nil,
      isTurnedBack: Bool = false, pods: [Pod] = [], waits: [Wait] = [], omitted: Int = 0
    ) {
      self.id = id
      self.isRollback = isRollback
      self.from = from
      self.to = to
      self.commit = commit
      self.began = began
      self.ended = ended
      self.isTurnedBack = isTurnedBack
      self.pods = pods
      self.waits = waits
      self.omitted = omitted
    }
  }

  /// One pod's part of a run. Its phases follow each other without a gap; a phase that has not ended is nil.
  public struct Pod: Sendable, Hashable {
    public var role: String
    public var pod: String
    /// When the run claimed the pod, in seconds since the run began.
    public var at: Int
    /// The time until the old pod was deleted and the new one existed.
    public var replace: Int?
    /// The time from then until its image was on a node and the first container with it ran.
    public var pull: Int?
    /// The time from then until it was ready and its config package was installed.
    public var start: Int?
    /// The time in which its script ran, in all attempts; nil if it has no script.
    public var hook: Int?
    /// The time between a failure and the retry that a user requested; nil if no retry was requested.
    public var waited: Int?
    /// True once the pod had the state that the run required.
    public var isDone: Bool
    /// The last error before the pod was done.
    public var stallReason: String?
    /// The number of retries that users requested.
    public var retries: Int

    public init(
      role: String, pod: String, at: Int, replace: Int? = nil, pull: Int? = nil, start: Int? = nil,
      hook: Int? = nil, waited: Int? = nil, isDone: Bool = false, stallReason: String? = nil, retries: Int = 0
    ) {
      self.role = role
      self.pod = pod
      self.at = at
      self.replace = replace
      self.pull = pull
      self.start = start
      self.hook = hook
      self.waited = waited
      self.isDone = isDone
      self.stallReason = stallReason
      self.retries = retries
    }

    /// The sum of all phases that have ended.
    public var total: Int { (replace ?? 0) + (pull ?? 0) + (start ?? 0) + (hook ?? 0) + (waited ?? 0) }
  }

  /// A wait of the run for a cause outside its own pods.
  public struct Wait: Sendable, Hashable {
    /// The waiting role or pod and the reason, as text.
    public var what: String
    /// In seconds since the run began.
    public var at: Int
    /// Nil while it lasts.
    public var took: Int?

    public init(what: String, at: Int, took: Int? = nil) {
      self.what = what
      self.at = at
      self.took = took
    }
  }

  /// Drops entries beyond the limits: the oldest runs, then pods of the oldest run, successful ones first, then the
  /// shortest waits.
  public mutating func trim() {
    runs.removeFirst(max(0, runs.count - Self.runLimit))
    var excess = runs.reduce(0) { $0 + $1.pods.count } - Self.podLimit
    for index in runs.indices where excess > 0 { excess -= runs[index].drop(excess) }
    for index in runs.indices {
      while runs[index].waits.count > Self.waitLimit {
        let least = runs[index].waits.indices.min {
          (runs[index].waits[$0].took ?? .max) < (runs[index].waits[$1].took ?? .max)
        }
        runs[index].waits.remove(at: least ?? 0)
      }
    }
  }

  /// The text on one line, cut to `textLimit` bytes.
  public static func brief(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars.lazy.map({ $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }) {
      if out.utf8.count + UTF8.width(scalar) > textLimit - 3 { return out + "…" }
      out.unicodeScalars.append(scalar)
    }
    return out
  }
}

extension Journal.Run {
  /// Drops up to `count` pods, successful ones first.
  ///
  /// - Returns: The number of dropped pods.
  fileprivate mutating func drop(_ count: Int) -> Int {
    let before = pods.count
    var left = count
    pods.removeAll { pod in
      guard left > 0, pod.isDone, pod.stallReason == nil else { return false }
      left -= 1
      return true
    }
    let rest = min(left, pods.count)
    pods.removeFirst(rest)
    omitted += before - pods.count
    return before - pods.count
  }
}

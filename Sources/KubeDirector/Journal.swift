/// What was done to a cluster's pods, when, and because of which commit: its last upgrades and rollbacks.
///
/// Part of the status, so that it outlives whoever writes it; nothing is ever decided by it. Bounded to `runLimit`
/// runs, `podLimit` pods and `waitLimit` waits a run, which is below 48 KiB however long the names are.
public struct Journal: Sendable, Hashable {
  /// The oldest first.
  public var runs: [Run]

  public static let runLimit = 4
  public static let podLimit = 96
  public static let waitLimit = 8
  /// The most bytes kept of what went wrong with a pod, or of what was waited for.
  public static let textLimit = 120

  public init(runs: [Run] = []) { self.runs = runs }

  /// One upgrade, or one rollback. All durations are in whole seconds.
  public struct Run: Sendable, Hashable {
    /// The upgrade's id; its rollback has the same.
    public var id: String
    public var isRollback: Bool
    public var from: String
    public var to: String
    /// The commit that asked for it.
    public var commit: String?
    /// In whole seconds since 1970.
    public var began: Int
    /// Nil while it runs.
    public var ended: Int?
    /// True where a rollback took its place before it was through.
    public var isTurnedBack: Bool
    /// In the order in which their turns came; a pod whose turn came twice is there twice.
    public var pods: [Pod]
    public var waits: [Wait]
    /// How many of its pods were let go to stay within bounds.
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

  /// One pod's turn. Its phases follow each other without a gap; one that has not ended is nil.
  public struct Pod: Sendable, Hashable {
    public var role: String
    public var pod: String
    /// When it was claimed, in seconds since the run began.
    public var at: Int
    /// Until the old pod had gone and the new one was there.
    public var replace: Int?
    /// Until its image was on a node and a first container of it ran.
    public var pull: Int?
    /// Until it was ready and had its config package.
    public var start: Int?
    /// While its script ran, every run of it; nil where no script belongs to it.
    public var hook: Int?
    /// While what had failed waited until somebody had it tried again; nil where nobody had.
    public var waited: Int?
    /// True once the pod was as the run wanted it.
    public var isDone: Bool
    /// What went wrong on the way, the last of several.
    public var trouble: String?
    /// How often somebody had it tried again.
    public var retries: Int

    public init(
      role: String, pod: String, at: Int, replace: Int? = nil, pull: Int? = nil, start: Int? = nil,
      hook: Int? = nil, waited: Int? = nil, isDone: Bool = false, trouble: String? = nil, retries: Int = 0
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
      self.trouble = trouble
      self.retries = retries
    }

    /// All phases that have ended.
    public var total: Int { (replace ?? 0) + (pull ?? 0) + (start ?? 0) + (hook ?? 0) + (waited ?? 0) }
  }

  /// Something that the run had to wait for though nothing was wrong with its own pods.
  public struct Wait: Sendable, Hashable {
    /// Who waits for what, in words.
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

  /// Lets go what is beyond the bounds: the oldest runs, then of the oldest run the pods of which there is the
  /// least to tell, then the shortest waits.
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

  /// A sentence cut to `textLimit` bytes, on one line.
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
  /// Drops up to so many pods, those that went well first.
  ///
  /// - Returns: how many.
  fileprivate mutating func drop(_ count: Int) -> Int {
    let before = pods.count
    var left = count
    pods.removeAll { pod in
      guard left > 0, pod.isDone, pod.trouble == nil else { return false }
      left -= 1
      return true
    }
    let rest = min(left, pods.count)
    pods.removeFirst(rest)
    omitted += before - pods.count
    return before - pods.count
  }
}

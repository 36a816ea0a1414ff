/// Decides when reconcile passes run: which timers start after a pass, and for how long. The caller runs the timers.
struct PassSchedule {
  enum Timer: Hashable, Sendable {
    /// Starts a pass because something failed.
    case retry(Int)
    /// Enqueues the changes that the cluster refuses until an administrator acts.
    case permissions(Int)
    /// Enqueues the adoptions that another operator's objects prevent.
    case adoptions(Int)
    /// Starts a pass.
    case pass
    /// Lets the next reports be written.
    case reports
  }

  /// A timer to start.
  struct Start: Hashable, Sendable {
    var timer: Timer
    var wait: Duration
  }

  /// The shortest time between two reports, so that many events make few reports.
  static let reportInterval = Duration.milliseconds(500)

  private var retries = RetryBackoff()
  private var permissions = RetryBackoff()
  private var adoptions = RetryBackoff(longest: .seconds(600))
  /// True if a report was written so recently that the next one has to wait.
  private(set) var areReportsDelayed = false

  private(set) var isInPass = false

  mutating func beginPass() { isInPass = true }

  /// Ends a pass.
  ///
  /// - Parameters:
  ///   - awaitsPermission: true if the cluster refuses a change until an administrator acts.
  ///   - awaitsAdoption: true if another operator's objects prevent an adoption.
  /// - Returns: the timers to start.
  mutating func endPass(
    _ requeue: Requeue, awaitsPermission: Bool, awaitsAdoption: Bool = false
  ) -> [Start] {
    isInPass = false
    var starts: [Start] = []
    if let (number, wait) = retries.next(requeue.isBackoff) {
      starts.append(Start(timer: .retry(number), wait: wait))
    }
    if let (number, wait) = permissions.next(awaitsPermission) {
      starts.append(Start(timer: .permissions(number), wait: wait))
    }
    if let (number, wait) = adoptions.next(awaitsAdoption) {
      starts.append(Start(timer: .adoptions(number), wait: wait))
    }
    if let wait = requeue.wait { starts.append(Start(timer: .pass, wait: wait)) }
    return starts
  }

  /// Returns the timer to start if reports are written now; nil if they have to wait.
  mutating func startReports() -> Start? {
    guard !areReportsDelayed else { return nil }
    areReportsDelayed = true
    return Start(timer: .reports, wait: Self.reportInterval)
  }

  /// Marks a timer as ended.
  mutating func end(_ timer: Timer) {
    switch timer {
    case .retry(let number): retries.begin(number)
    case .permissions(let number): permissions.begin(number)
    case .adoptions(let number): adoptions.begin(number)
    case .pass: break
    case .reports: areReportsDelayed = false
    }
  }
}

/// Starts fetches and reconcile passes: on request, and by timers whose ends `PassSchedule` decides.
struct PassScheduler: Sendable {
  let clock: any Clock<Duration>
  private let signals = PassSignals()
  private var schedule = PassSchedule()

  init(clock: any Clock<Duration>) { self.clock = clock }

  /// Yields for each requested pass.
  var passes: AsyncStream<Void> { signals.passes }
  /// Yields for each requested fetch.
  var fetches: AsyncStream<Void> { signals.fetches }
  var isInPass: Bool { schedule.isInPass }
  /// True if a report was written so recently that the next one has to wait.
  var areReportsDelayed: Bool { schedule.areReportsDelayed }

  func requestPass() { signals.requestPass() }
  func requestFetch() { signals.requestFetch() }

  mutating func beginPass() { schedule.beginPass() }

  /// Ends a pass.
  ///
  /// - Returns: the timers to start.
  mutating func endPass(_ requeue: Requeue, awaitsPermission: Bool, awaitsAdoption: Bool) -> [PassSchedule
    .Start]
  {
    schedule.endPass(requeue, awaitsPermission: awaitsPermission, awaitsAdoption: awaitsAdoption)
  }

  /// Returns the timer to start if reports are written now; nil if they have to wait.
  mutating func startReports() -> PassSchedule.Start? { schedule.startReports() }

  /// Marks a timer as ended.
  mutating func end(_ timer: PassSchedule.Timer) { schedule.end(timer) }

  /// Runs the work after a time, unless the timers are cancelled before.
  func run(
    after wait: Duration, in timers: inout DiscardingTaskGroup, _ work: @escaping @Sendable () async -> Void
  ) {
    timers.addTask { [clock] in
      guard (try? await clock.sleep(for: wait)) != nil else { return }
      await work()
    }
  }
}

/// Work that outlives the step that asked for it, run as children of the engine's own task.
struct Jobs: Sendable {
  typealias Job = @Sendable () async -> Void
  private let stream: AsyncStream<Job>
  private let continuation: AsyncStream<Job>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream(of: Job.self) }

  func start(_ job: @escaping Job) { continuation.yield(job) }

  /// Runs what is started until the task is cancelled; then all of it is cancelled too.
  func run() async {
    await withDiscardingTaskGroup { group in
      for await job in stream { group.addTask { await job() } }
      group.cancelAll()
    }
  }
}

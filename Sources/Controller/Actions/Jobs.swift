/// Tasks that outlive the step that started them. They run as children of the engine's own task.
struct Jobs: Sendable {
  typealias Job = @Sendable () async -> Void
  private let stream: AsyncStream<Job>
  private let continuation: AsyncStream<Job>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream(of: Job.self) }

  func start(_ job: @escaping Job) { continuation.yield(job) }

  /// Runs started jobs until the task is cancelled; then all jobs are cancelled too.
  func run() async {
    await withDiscardingTaskGroup { group in
      for await job in stream { group.addTask { await job() } }
      group.cancelAll()
    }
  }
}

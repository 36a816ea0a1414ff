import Diagnostics
import GitStore
import Logging
import Values

// Fetching.
extension Reconciler {
  /// Fetches the branch.
  ///
  /// - Returns: the time until the next fetch.
  func fetch() async -> Duration {
    let requests = syncs.beginFetch()
    do throws(GitError) {
      let result = try await mirror.fetch(settings.branch)
      log(branch.fetch.succeed(result.new, result.problems))
      // Before the pass can begin that answers the requests.
      syncs.endFetch(of: requests, hasSucceeded: true)
      branch.signatures.fetched()
      enqueue()
      await send(.fetched(nil))
      return settings.interval
    } catch {
      syncs.endFetch(of: requests, hasSucceeded: false)
      let wait = Backoff().delay(attempt: branch.fetch.fail(error))
      await send(.fetched(error))
      logger.warning(
        "git.fetch.failed",
        metadata: ["error": "\(error)", "kind": "\(error.kind.rawValue)", "retry": "\(wait.inWords)"])
      return wait
    }
  }

  private func log(_ success: FetchState.Success) {
    if success.failures > 0 {
      logger.info("git.reachable", metadata: ["after": "\(success.failures) failures"])
    }
    for problem in success.newProblems {
      logger.warning(
        "status.ref.unusable", metadata: ["ref": "\(problem.ref)", "error": "\(problem.error)"])
    }
    for ref in success.usableRefs { logger.info("status.ref.usable", metadata: ["ref": "\(ref)"]) }
  }

  /// Compacts the local repository into few packs. It runs between two passes, because nothing may read the repository
  /// at that time.
  func compactRepository() async {
    guard branch.fetch.takeCompaction() else { return }
    do throws(GitError) {
      if try await mirror.compact() { logger.info("repository.compacted") }
    } catch {
      logger.warning("repository.compact.failed", metadata: ["error": "\(error)"])
    }
  }
}

extension Duration {
  /// `1.5s`, for logs.
  var inWords: String {
    let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(Double(milliseconds) / 1000)s"
  }
}

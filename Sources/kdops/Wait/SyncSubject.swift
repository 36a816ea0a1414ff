import ClusterAPI
import Control
import Diagnostics
import Reports
import Views

/// The wait of `kdops sync --wait`: for the daemon's answer to the request, and then for all clusters.
final class SyncSubject {
  private let source: ClusterSource
  private let daemon: DaemonSelection
  private let id: SyncID
  /// Whether the daemon of the embedded cluster answers a repeated request with its progress.
  private let isRepeatable: Bool
  private var reader: DaemonReader
  private var absence: DaemonAbsence
  private var request: SyncWait
  /// The step that ends the wait for the daemon's answer; nil before.
  private var answer: SyncWait.Step?

  /// - Parameters:
  ///   - daemon: The daemon's installation on Kubernetes.
  ///   - id: The request.
  ///   - sent: The answer to the request when it was sent.
  ///   - fetchedBefore: The daemon's last fetch before the request, by its own clock; for a daemon of an older version.
  init(
    source: ClusterSource, daemon: DaemonSelection, id: SyncID, sent: ControlAnswer, fetchedBefore: Int?
  ) {
    (self.source, self.daemon, self.id) = (source, daemon, id)
    isRepeatable = sent.sync != nil
    reader = DaemonReader(source, daemon)
    absence = DaemonAbsence(source)
    request = SyncWait(id, fetchedBefore: fetchedBefore)
  }

  func evaluate() async throws -> WaitCondition.Result {
    do {
      let state = try await reader.read()
      let result = try await result(state)
      guard case .pending = result, absence.isConfirmed(state, now: .now) else { return result }
      return result.withoutDaemon(DaemonAbsence.remedy(source.isRemote ? daemon.lease : nil))
    } catch let error as APIError where error.isTransient {
      return .pending("\(error)")
    }
  }

  private func result(_ state: DaemonState) async throws -> WaitCondition.Result {
    let step: SyncWait.Step
    if let answer { step = answer } else { step = await observe(state) }
    switch step {
    case .pending(let words):
      return state.isOlder ? .pending("\(words); \(DaemonAbsence.olderVersion)") : .pending(words)
    case .unknown(let reason): return .failed("whether the daemon has fetched is unknown: \(reason)")
    case .answered:
      answer = step
      return try await reached()
    case .presumed:
      answer = step
      return try await reached().adding(DaemonAbsence.olderVersion)
    }
  }

  private func observe(_ state: DaemonState) async -> SyncWait.Step {
    guard case .embedded(_, let folder) = source else { return request.observe(state) }
    // A daemon of an older version would take a repeated request for a new one.
    guard isRepeatable else { return request.observe(nil, state) }
    do {
      let answer = try await ControlSocket.ask(ControlRequest(.sync(accept: nil, id: id)), below: folder)
      return request.observe(answer.sync, state)
    } catch {
      return .pending(ErrorText.words(error))
    }
  }

  private func reached() async throws -> WaitCondition.Result {
    let clusters = try await source.clusters(.all)
    do throws(APIError) {
      return SyncCondition.evaluate(clusters, blocked: try await source.blocked(in: daemon.systemNamespace))
    } catch {
      guard error.kind == .forbidden else { throw error }
      return SyncCondition.evaluate(clusters, blocked: BlockedChangeList()).adding(
        "blocked changes are unknown: you may not get ConfigMaps in \(daemon.systemNamespace)")
    }
  }
}

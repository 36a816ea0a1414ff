import Control
import FoundationEssentials
import Logging
import Reconciler

extension Reconciler: ControlledDaemon {}

// Commands to a running daemon.
extension Daemon {
  /// Serves commands at the socket of the embedded cluster in a folder. If the socket fails, the daemon continues
  /// without commands.
  public func control(in folder: String) -> BackgroundService {
    let handler = ControlHandler(
      daemon: reconciler,
      clusters: ClusterCommandHandler(
        api: backend.api.within(options.policy), now: { Int(Date().timeIntervalSince1970) }))
    return BackgroundService("control") { await serve(handler, in: folder) }
  }

  private func serve(_ handler: ControlHandler, in folder: String) async {
    do {
      try await ControlSocket.serve(below: folder) { request in
        let answer = await handler.answer(request)
        // A client that waits repeats its request each second.
        logger.log(
          level: answer.isRepeated ? .debug : .notice, "command.\(answer.outcome.rawValue)",
          metadata: ["command": "\(request)", "answer": "\(answer.words)"])
        return answer
      }
    } catch is CancellationError {
    } catch {
      guard !Task.isCancelled else { return }
      logger.warning("control.closed", metadata: ["error": "\(error)"])
      try? await Task.sleep(for: .seconds(Int64.max >> 20))
    }
  }

  /// Handles the commands on the Lease by which this daemon leads.
  func control(by annotations: LeaseAnnotations) -> BackgroundService {
    BackgroundService("control") { [reconciler, logger] in
      await LeaseCommandHandler(daemon: reconciler, logger: logger).handle(annotations)
    }
  }
}

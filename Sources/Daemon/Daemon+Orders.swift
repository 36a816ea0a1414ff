import FoundationEssentials
import KubeDirector
import Logging
import Orders

// Commands to a running daemon.
extension Daemon {
  private var orders: DaemonControl {
    DaemonControl(
      reconciler: reconciler,
      desk: CommandHandler(
        api: backend.api.within(options.policy), now: { Int(Date().timeIntervalSince1970) }))
  }

  /// Handles the commands in the annotations of the Lease. An annotation stays until the next command replaces it, so
  /// the next daemon handles it again: it fetches once more, and follows a commit that was approved.
  ///
  /// - Parameter heard: the annotations that were handled before.
  func handle(_ notes: [String: String], after heard: [String: String]) async {
    if let request = notes[Wire.Annotation.sync], request != heard[Wire.Annotation.sync] {
      logger.info("sync.asked")
      await reconciler.sync()
    }
    guard let sha = notes[Wire.Annotation.accept], sha != heard[Wire.Annotation.accept] else { return }
    // A daemon that has just started has not fetched the commit yet.
    for _ in 0..<Self.acceptTries {
      if await reconciler.accept(sha) {
        logger.notice("history.accepted", metadata: ["commit": "\(sha.prefix(40))"])
        return
      }
      guard (try? await Task.sleep(for: .seconds(1))) != nil else { return }
    }
    logger.warning(
      "history.accept.void",
      metadata: ["commit": "\(sha.prefix(40))", "reason": "it is not the head that was fetched last"])
  }

  private static let acceptTries = 15

  /// Serves commands at the socket of the embedded cluster in a folder. If the socket fails, the daemon continues
  /// without commands.
  public func control(in folder: String) -> BackgroundService {
    BackgroundService("control") { [orders, logger] in
      do {
        try await ControlSocket.serve(below: folder) { request in
          let answer = await orders.answer(request)
          logger.notice(
            "order.\(answer.outcome.rawValue)", metadata: ["order": "\(request)", "said": "\(answer.words)"])
          return answer
        }
      } catch is CancellationError {
      } catch {
        guard !Task.isCancelled else { return }
        logger.warning("control.closed", metadata: ["error": "\(error)"])
        try? await Task.sleep(for: .seconds(Int64.max >> 20))
      }
    }
  }
}

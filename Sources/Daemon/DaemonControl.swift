import ClusterAPI
import Orders
import Reconciler
import Values

/// Handles the commands to a running daemon.
struct DaemonControl: Sendable {
  let reconciler: Reconciler
  let desk: CommandHandler

  /// Answers a command from the socket of an embedded cluster.
  func answer(_ request: ControlRequest) async -> ControlAnswer {
    switch request.wish {
    case .order(let order):
      do {
        return ControlAnswer(.done, try await desk.carryOut(order))
      } catch let refusal as OrderRefusal {
        return ControlAnswer(.refused, "\(refusal)")
      } catch {
        return ControlAnswer(.failed, "\(error)")
      }
    case .sync(let sha):
      guard let sha else {
        await reconciler.sync()
        return ControlAnswer(.done, "the daemon fetches and compares now")
      }
      return await accept(sha)
    }
  }

  private func accept(_ sha: String) async -> ControlAnswer {
    guard await reconciler.accept(sha) else {
      await reconciler.sync()
      return ControlAnswer(
        .refused,
        "\(sha) is not the head that the daemon fetched last; it fetches now; try again if this is the head to accept"
      )
    }
    return ControlAnswer(.done, "the daemon follows \(sha), whatever was there before")
  }
}

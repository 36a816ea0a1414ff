import ClusterAPI
import Values

@testable import Kubernetes

/// The server's side of a transcript: one lease; every change creates a new version.
struct LeaseServer {
  static let name = ObjectName(namespace: "test", name: "kdops")

  private(set) var object: Object?
  private var version = 0

  /// The result of a write.
  mutating func take(_ step: LeaseMachine.Step) throws(APIError) -> Object {
    guard case .write(let record, let old) = step else { throw APIError(.other, "no write: \(step)") }
    guard old?.resourceVersion ?? "" == object?.resourceVersion ?? "" else {
      throw APIError(old == nil ? .alreadyExists : .conflict, "someone was faster")
    }
    return put(record.object(Self.name, over: old))
  }

  @discardableResult
  mutating func put(_ object: Object) -> Object {
    version += 1
    var object = object
    object.json["metadata"]?["resourceVersion"] = .string("\(version)")
    self.object = object
    return object
  }

  /// A lease as another process writes it.
  mutating func hold(by holder: String, seconds: Int? = 12, renewed: String) {
    let record = LeaseRecord(holder: holder, seconds: seconds, acquired: renewed, renewed: renewed)
    put(record.object(Self.name, over: object))
  }

  mutating func remove() { object = nil }
}

extension LeaseMachine {
  /// Reads or writes immediately while the machine asks for that, and returns the first step that is
  /// something else.
  mutating func settle(
    _ server: inout LeaseServer, at now: Duration, wall: Duration = .seconds(1_700_000_000)
  ) -> Step {
    while true {
      let step = next(now: now, wall: wall + now)
      switch step {
      case .read: found(server.object, at: now)
      case .write:
        do throws(APIError) { wrote(try server.take(step), sentAt: now) } catch { failed(error, at: now) }
      case .wait, .lost: return step
      }
    }
  }

  var leads: Bool { provenUntil != nil }
}

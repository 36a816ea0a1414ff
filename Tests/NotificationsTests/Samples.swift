import Diagnostics
import Logging
import Reports
import Values

@testable import Notifications

extension Logger {
  static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

/// Reports and targets of the tests.
enum Sample {
  static let now = 1_700_000_000

  static func sha(_ number: Int) -> String {
    String(repeating: "a", count: 40 - "\(number)".count) + "\(number)"
  }

  static func object(
    _ phase: Phase, _ name: String = "shop", namespace: String = "prod", change: ChangeKind = .upgrade,
    message: String? = nil, isStalled: Bool = false
  ) -> ObjectReport {
    var report = ObjectReport(
      kind: "KubeDirectorCluster", namespace: namespace, name: name, change: change,
      verdict: phase == .rejected ? .rejected : phase == .waiting ? .waiting : .accepted, phase: phase,
      message: message,
      upgrade: change == .upgrade
        ? UpgradeProgress(
          fromApp: "kafka-1", toApp: "kafka-2", isRollingBack: false,
          roles: [.init(id: "broker", done: 1, total: 3)])
        : nil)
    if phase == .failed, isStalled { report.failure = .stalled }
    return report
  }

  static func report(_ objects: ObjectReport..., commit: Int = 1) -> CommitReport {
    CommitReport(commit: sha(commit), subject: "Upgrade shop", objects: objects)
  }

  static func target(_ settings: JSON) throws -> NotificationTarget {
    var all: JSON = ["name": "ops", "kind": "webhook", "url": "https://chat.example/hook"]
    for (name, value) in settings.object ?? JSON.Members() { all[name] = value }
    return try NotificationTarget(settings: all)
  }
}

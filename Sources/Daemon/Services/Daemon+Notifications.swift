import ClusterAPI
import Logging
import Notifications

extension Daemon {
  /// The sender of notifications; nil if there are no receivers.
  ///
  /// - Parameters:
  ///   - home: the namespace of the daemon's own objects.
  ///   - now: in whole seconds since 1970.
  static func notificationSender(
    _ options: Options, on backend: Backend, home: String, logger: Logger,
    now: @escaping @Sendable () -> Int
  ) -> NotificationSender? {
    guard !options.notifications.isEmpty else { return nil }
    let installation = options.policy.installation
    let store: any OutboxStore =
      switch backend {
      case .embedded: OutboxFile(folder: options.folder)
      case .kubernetes(let api): NotificationRecordMap(api, namespace: home, installation: installation)
      }
    return NotificationSender(
      options.notifications, installation: installation, store: store, logger: logger, now: now)
  }
}

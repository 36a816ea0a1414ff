import FoundationEssentials
import Values

/// Stores the undelivered notifications, so that a restart does not lose them.
public protocol OutboxStore: Sendable {
  /// Reads the record; nil if there is none yet.
  func read() async throws -> JSON?
  func write(_ record: JSON) async throws
}

/// A store in the daemon's data folder.
public struct OutboxFile: OutboxStore {
  private let path: String

  /// A record is never larger, in bytes.
  private static let limit = 8 << 20

  /// - Parameter folder: an existing folder that only the daemon can read.
  public init(folder: String) { path = "\(folder)/notifications.json" }

  /// Reads the record; nil if there is none, or if it is damaged.
  public func read() async throws -> JSON? {
    guard let content = FileManager.default.contents(atPath: path), content.count <= Self.limit else {
      return .none
    }
    // A damaged record must not keep later notifications from being stored.
    return try? JSON.parse(Array(content))
  }

  /// Replaces the record at once, so that a daemon that is killed leaves the old or the new one.
  public func write(_ record: JSON) async throws {
    try Data(record.serialized()).write(to: URL(filePath: path), options: .atomic)
  }
}

import Foundation
import Synchronization

/// The settings of a daemon process for tests that kill it. It ends by SIGKILL: after a given number of
/// actions, or on request if it never reaches that number. Passed to the program `CrashingDaemon` as JSON.
public struct CrashPlan: Codable, Sendable {
  /// A Kubernetes cluster, and the daemon's settings on it.
  public struct Kubernetes: Codable, Sendable {
    public var kubeconfig: String
    public var namespace: String
    public var tenants: [String]
    public var systemNamespace: String
    public var installation: String

    public init(
      kubeconfig: String, namespace: String, tenants: [String], systemNamespace: String, installation: String
    ) {
      self.kubeconfig = kubeconfig
      self.namespace = namespace
      self.tenants = tenants
      self.systemNamespace = systemNamespace
      self.installation = installation
    }
  }

  /// The repository that the daemon follows.
  public var remote: String
  /// The commit that defines the embedded cluster's images.
  public var first: String
  /// The folder of the embedded cluster.
  public var cluster: String
  /// Nil for the embedded cluster.
  public var kubernetes: Kubernetes?
  /// The daemon's own folder.
  public var folder: String
  public var book: CrashLog
  /// The number of the action after which the process dies; nil if it does not.
  public var last: Int?

  public init(
    remote: String, first: String, cluster: String, kubernetes: Kubernetes?, folder: String, book: CrashLog,
    last: Int?
  ) {
    self.remote = remote
    self.first = first
    self.cluster = cluster
    self.kubernetes = kubernetes
    self.folder = folder
    self.book = book
    self.last = last
  }
}

/// A log of the daemon's actions in a folder that the dying process and the watching test share.
public struct CrashLog: Codable, Sendable {
  private let folder: String

  public init(in folder: String) throws {
    self.folder = folder
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  private var opening: String { "\(folder)/open" }
  private var ending: String { "\(folder)/ended" }
  private var pages: String { "\(folder)/actions" }

  /// Starts the count of actions.
  public func open() throws { try Data().write(to: URL(fileURLWithPath: opening)) }

  /// Asks the process to end as if it had died, because it never reached its last action.
  public func end() throws { try Data().write(to: URL(fileURLWithPath: ending)) }
  public var isEnded: Bool { access(ending, F_OK) == 0 }

  /// The counted actions, in order.
  public var actions: [String] {
    let text = (try? String(contentsOfFile: pages, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").map(String.init)
  }

  private static let pen = Mutex(())

  /// - Returns: The number of the action; nil if it does not count.
  public func note(_ words: String) -> Int? {
    Self.pen.withLock { _ in
      guard access(opening, F_OK) == 0 else { return nil }
      let written = actions + [words]
      // An action that could not be recorded does not count.
      guard
        (try? Data((written.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: pages)))
          != nil
      else { return nil }
      return written.count
    }
  }
}

import Foundation
import Synchronization

/// The life of a daemon in a process that is there for nothing else, and ends by SIGKILL: after one of its deeds, or
/// when it is told that its time has not come. Handed to the program `Mortal` as JSON.
public struct MortalLife: Codable, Sendable {
  /// Where a Kubernetes is, and what the daemon is there.
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

  /// The repository that it follows.
  public var remote: String
  /// The commit that tells the embedded cluster's images.
  public var first: String
  /// Of the embedded cluster.
  public var cluster: String
  /// Nil for the embedded cluster.
  public var kubernetes: Kubernetes?
  /// Its own.
  public var folder: String
  public var book: DeathBook
  /// The number of its last deed; nil for one that lives on.
  public var last: Int?

  public init(
    remote: String, first: String, cluster: String, kubernetes: Kubernetes?, folder: String, book: DeathBook,
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

/// What a process that is to die has in common with the one that watches it: a folder.
public struct DeathBook: Codable, Sendable {
  private let folder: String

  public init(in folder: String) throws {
    self.folder = folder
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  private var opening: String { "\(folder)/open" }
  private var ending: String { "\(folder)/ended" }
  private var pages: String { "\(folder)/deeds" }

  /// From now on deeds count.
  public func open() throws { try Data().write(to: URL(fileURLWithPath: opening)) }

  /// Asks the process to end as if it had died, because its time never came.
  public func end() throws { try Data().write(to: URL(fileURLWithPath: ending)) }
  public var isEnded: Bool { access(ending, F_OK) == 0 }

  /// Those that counted, in their order.
  public var deeds: [String] {
    let text = (try? String(contentsOfFile: pages, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").map(String.init)
  }

  private static let pen = Mutex(())

  /// - Returns: the number of the deed; nil where it does not count.
  public func note(_ words: String) -> Int? {
    Self.pen.withLock { _ in
      guard access(opening, F_OK) == 0 else { return nil }
      let written = deeds + [words]
      // One that is not written down was not done, as far as anybody knows.
      guard
        (try? Data((written.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: pages)))
          != nil
      else { return nil }
      return written.count
    }
  }
}

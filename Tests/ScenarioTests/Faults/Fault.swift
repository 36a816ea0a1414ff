import Foundation
import TestSupport
import Testing
import Values

/// A fault of the connection between a daemon and its API server.
enum Fault: String, Sendable, CaseIterable, CustomTestStringConvertible {
  case cuts = "connections cut every 2 to 5 s, and some in the middle of a word"
  case outage = "the API server away for 60 s in the middle"
  case silence = "the API server silent for 25 s in the middle"
  case throttling = "30 % of all requests throttled, some failed"
  case beginning = "the API server away for 12 s, then refusing everybody at first"

  var testDescription: String { rawValue }

  /// The permanent faults of the connection.
  private var faults: FaultyProxy.Faults {
    switch self {
    case .cuts:
      .init(age: .seconds(2) ... .seconds(5), midStream: (share: 0.2, bytes: 500...20_000))
    case .outage, .silence: .none
    case .throttling: .init(refusingProxy: RefusingProxy([.throttled, .unavailable, .failed]))
    case .beginning: .init(refusingProxy: RefusingProxy([]))
    }
  }

  /// Runs the body with a faulty connection between it and the API server.
  func withFault(_ scene: Scene, _ body: @escaping @Sendable (FaultedScene) async throws -> Void) async throws
  {
    let site = try #require(scene.site as? KubernetesSite)
    // The seed is part of the failure message of a scenario.
    let seed = UInt64.random(in: .min ... .max)
    let path = "\(scene.folder.path)/kubeconfig-\(self)"
    let faults = faults
    guard faults.refusingProxy != nil else {
      let port = try Self.port(of: site.kubeconfig)
      return try await FaultyProxy.lead(to: port, faults, seed: seed) { line in
        try Self.write(site.kubeconfig, to: path) { server in
          server.firstIndex(of: ":").map { "\(server[..<$0])://127.0.0.1:\(line.port)" } ?? server
        }
        try await body(FaultedScene(fault: self, line: line, kubeconfig: path))
      }
    }
    let proxy = try await KubectlProxy.start(kubeconfig: site.kubeconfig, in: scene.folder.path)
    defer { proxy.stop() }
    try await FaultyProxy.lead(to: proxy.port, faults, seed: seed) { line in
      try Self.write(site.kubeconfig, to: path) { _ in "http://127.0.0.1:\(line.port)" }
      try await body(FaultedScene(fault: self, line: line, kubeconfig: path))
    }
  }

  // MARK: Kubeconfigs

  private static func port(of kubeconfig: String) throws -> Int {
    let url = try server(in: JSON.parse(Array(Data(contentsOf: URL(fileURLWithPath: kubeconfig)))))
    guard let port = url.split(separator: ":").last.flatMap({ Int($0) }) else {
      throw ToolError("\(url) has no port")
    }
    return port
  }

  private static func server(in kubeconfig: JSON) throws -> String {
    guard let url = kubeconfig["clusters"]?[0]?["cluster"]?["server"]?.string else {
      throw ToolError("a kubeconfig without a server")
    }
    return url
  }

  /// Writes a copy of a kubeconfig with another server address.
  private static func write(_ kubeconfig: String, to path: String, _ change: (String) -> String) throws {
    let json = try JSON.parse(Array(Data(contentsOf: URL(fileURLWithPath: kubeconfig))))
    let changed = change(try server(in: json))
    var cluster = json["clusters"]?[0]?["cluster"] ?? [:]
    cluster["server"] = .string(changed)
    if changed.hasPrefix("http:") { cluster["certificate-authority-data"] = nil }
    var copy = json
    copy["clusters"] = [["name": json["clusters"]?[0]?["name"] ?? "", "cluster": cluster]]
    let made = FileManager.default.createFile(
      atPath: path, contents: Data(copy.serialized()), attributes: [.posixPermissions: 0o600])
    guard made else { throw ToolError("cannot write \(path)") }
  }
}

/// A scene whose daemon is exposed to a fault.
struct FaultedScene: Sendable {
  let fault: Fault
  let line: FaultyProxy
  /// A kubeconfig whose server address is the faulty connection.
  let kubeconfig: String

  /// The number of refused requests before a server that has just started knows its accounts, permissions and
  /// kinds.
  private static let refusedAtFirst = 8

  /// Triggers the fault now, if it is one that happens at a moment.
  func strike() async {
    switch fault {
    case .cuts, .throttling: break
    case .outage: await line.stop(for: .seconds(60))
    case .silence: await line.fallSilent(for: .seconds(25))
    case .beginning:
      line.faults.refusingProxy?.begin(
        with: [.unreadRights, .unreadAccounts, .unreadKinds], count: Self.refusedAtFirst)
      await line.stop(for: .seconds(12))
    }
  }

  /// Verifies that the fault has occurred.
  func mustHaveOccurred(_ scene: Scene) async {
    switch fault {
    case .cuts: #expect(await line.cuts >= 10)
    case .outage, .silence:
      #expect(!scene.logged("leadership.lost").isEmpty)
      #expect(scene.logged("leadership.taken").count >= 2)
    case .throttling:
      let found = line.faults.refusingProxy?.found ?? [:]
      #expect(found[429, default: 0] >= 20)
      #expect(found[503, default: 0] + found[500, default: 0] >= 1)
    case .beginning:
      let found = line.faults.refusingProxy?.found ?? [:]
      #expect(found.values.reduce(0, +) == Self.refusedAtFirst)
      #expect(scene.logged("leadership.taken").count >= 2)
    }
  }
}

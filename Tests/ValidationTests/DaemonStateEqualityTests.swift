import Diagnostics
import FoundationEssentials
import GitStore
import Rules
import TestSupport
import Testing

@testable import DesiredState

@Suite("The desired state of the daemon")
struct DaemonStateEqualityTests {
  private static func advance(
    _ state: inout DesiredState, to repository: TemporaryRepository
  ) async throws -> DesiredState.Step {
    let head = try #require(ObjectID(hex: try repository.head()))
    return try await state.advance(to: head, in: try await GitRepository.open(path: repository.path))
  }

  /// Advances to the head, and compares with the head as hooks read it whole.
  private static func compare(
    _ state: inout DesiredState, with repository: TemporaryRepository, _ what: String
  ) async throws -> Bool {
    guard try await advance(&state, to: repository).isUsable else { return false }
    let git = try await GitRepository.open(path: repository.path)
    let head = try #require(state.head)
    let revision = try await Comparison.side(of: .commit(head), in: git)
    let (ours, whole) = (state.snapshot, revision.snapshot)
    #expect(Set(ours.references) == Set(whole.references), "\(what)")
    #expect(ours.paths.sorted() == whole.paths.sorted(), "\(what)")
    for path in whole.paths {
      #expect(Set(ours.findings(in: path)) == Set(whole.findings(in: path)), "\(what), \(path)")
    }
    #expect(ours.valueCount == whole.valueCount, "\(what)")
    return true
  }

  @Test("is after each commit what hooks read of that commit", arguments: [1, 2] as [UInt64])
  func edits(seed: UInt64) async throws {
    var edits = RandomEdits(seed: seed)
    let repository = try TemporaryRepository()
    try repository.commit(edits.first())
    var state = DesiredState()
    var compared = 0
    for step in 0..<20 {
      let changes = edits.next().filter {
        $0.value != nil || FileManager.default.fileExists(atPath: "\(repository.path)/\($0.key)")
      }
      try repository.commit(changes)
      if try await Self.compare(&state, with: repository, "seed \(seed), step \(step)") { compared += 1 }
    }
    #expect(compared > 5)
  }

  @Test("judges .kdops.yaml again if only its mode changed, as after a restart")
  func layoutMode() async throws {
    let repository = try TemporaryRepository()
    try repository.commit([".kdops.yaml": "defaultNamespace: prod\n", "clusters/a.yaml": Self.cluster])
    var state = DesiredState()
    #expect(try await Self.compare(&state, with: repository, "as a file"))
    try repository.setMode("120000", of: ".kdops.yaml")
    for isRestarted in [false, true] {
      var daemon = isRestarted ? DesiredState() : state
      let step = try await Self.advance(&daemon, to: repository)
      #expect(step.layoutFindings.map(\.rule) == ["file/link"], "restarted: \(isRestarted)")
    }
    _ = try await Self.advance(&state, to: repository)
    try repository.setMode("100755", of: ".kdops.yaml")
    #expect(try await Self.compare(&state, with: repository, "as an executable file"))
    #expect(!state.snapshot.references.isEmpty)
  }

  @Test("judges a file again if only its mode changed", arguments: ["clusters/a.yaml", "clusters/notes"])
  func fileMode(path: String) async throws {
    let repository = try TemporaryRepository()
    try repository.commit([path: Self.cluster])
    var state = DesiredState()
    #expect(try await Self.compare(&state, with: repository, "as a file"))
    let objects = state.snapshot.references.count
    for mode in ["120000", "100755", "120000", "100644"] {
      try repository.setMode(mode, of: path)
      #expect(try await Self.compare(&state, with: repository, mode))
      let isLink = mode == "120000"
      #expect(state.snapshot.findings(in: path).contains { $0.rule == "file/link" } == isLink)
      #expect(state.snapshot.references.count == (isLink ? 0 : objects))
      #expect((state.blob(at: path) == nil) == (isLink || objects == 0))
    }
  }

  private static let cluster = RandomEdits.cluster("a", app: "spark-1.0.0")

  @Test("has no finding about a link that was removed or replaced by a file that is no manifest")
  func link() async throws {
    let repository = try TemporaryRepository()
    try repository.commit(["clusters/a.yaml": "kind: [\n"])
    var state = DesiredState()
    let link = "\(repository.path)/clusters/link"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "/etc/passwd")
    try repository.commit([:])
    _ = try await Self.compare(&state, with: repository, "with the link")
    #expect(state.snapshot.findings(in: "clusters/link").map(\.rule) == ["file/link"])
    try FileManager.default.removeItem(atPath: link)
    try repository.commit(["clusters/link": "notes"])
    _ = try await Self.compare(&state, with: repository, "without the link")
    #expect(state.snapshot.findings(in: "clusters/link").isEmpty)
  }
}

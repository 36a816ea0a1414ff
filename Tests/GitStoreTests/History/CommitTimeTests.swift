import TestSupport
import Testing

@testable import GitStore

@Suite("Unusual commits")
struct CommitTimeTests {
  @Test(
    "a hostile commit time is refused or limited, and cannot overflow",
    arguments: ["-9223372036854775807", "9223372036854775807", "99999999999999999999999"])
  func hostile(time: String) async throws {
    let work = try TemporaryRepository()
    let tree = try work.git("write-tree")
    let text = """
      tree \(tree)
      author A <a@example.com> \(time) +0000
      committer A <a@example.com> \(time) -9999

      x

      """
    let id = try work.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", input: text)
    let repository = try await GitRepository.open(path: work.path)
    guard let info = try? await repository.commitInfo(try #require(ObjectID(hex: id))) else { return }
    let (age, overflow) = Int64(1_769_850_300).subtractingReportingOverflow(info.committer.seconds)
    #expect(!overflow && abs(age) < 1 << 40)
  }

  @Test("a message of megabytes is cut to 64 KiB, and its subject is short")
  func longMessage() async throws {
    let work = try TemporaryRepository()
    let tree = try work.git("write-tree")
    let message = String(repeating: "x", count: 2 << 20)
    let id = try work.git("commit-tree", tree, "-F", "-", input: message)
    let repository = try await GitRepository.open(path: work.path)
    let info = try await repository.commitInfo(try #require(ObjectID(hex: id)))
    #expect(info.message.utf8.count == 64 << 10)
    #expect(info.subject.utf8.count <= 4 << 10)
  }
}

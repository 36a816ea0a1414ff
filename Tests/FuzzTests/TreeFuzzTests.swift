import Manifests
import TestSupport
import Testing
import Values

/// Objects whose values were changed: they pass every parser and reach rules, plans, the engine and the
/// writers.
@Suite("Objects with values changed at random", .serialized)
struct TreeFuzzTests {
  private static func json(_ text: String) throws -> JSON {
    try #require(SettingsFile(path: "sample", bytes: Array(text.utf8)).json)
  }

  @Test("give results without a crash, whichever reader reads them")
  func trees() throws {
    let cluster = try Self.json(Samples.cluster)
    let app = try Self.json(Samples.file("apps/spark-1.1.0.json"))
    let (status, note) = (try Self.json(Samples.status), try Self.json(String(Samples.note.dropFirst(22))))
    let file = try Self.json(Samples.statusFile)
    let layout = try Self.json(Samples.layout)
    FuzzRun("TreeFuzzTests").feed { seed in
      var random = SeededRandom(seed: seed)
      var readers = Readers()
      func text(_ json: JSON) -> [UInt8] { Array(TreeMutation.changed(json, &random).text().utf8) }
      switch seed % 5 {
      case 0: readers.repository("clusters/prod/analytics.json", text(cluster))
      case 1: readers.repository("apps/spark-1.1.0.json", text(app))
      case 2:
        readers.note(TreeMutation.changed(note, &random))
        readers.statusFile(TreeMutation.changed(file, &random))
        readers.layout(text(layout))
      case 3: readers.cluster(cluster, status: TreeMutation.changed(status, &random))
      default:
        readers.cluster(TreeMutation.changed(cluster, &random), status: TreeMutation.changed(status, &random))
      }
      return readers.check.problems
    }
  }

  @Test("the samples are valid for their readers")
  func samples() throws {
    var readers = Readers()
    readers.repository("clusters/prod/analytics.yaml", Array(Samples.cluster.utf8))
    readers.cluster(try Self.json(Samples.cluster), status: try Self.json(Samples.status))
    readers.statusFile(Array(Samples.statusFile.utf8))
    readers.note(Array(Samples.note.utf8))
    readers.layout(Array(Samples.layout.utf8))
    try readers.kubeconfig(Array(Samples.kubeconfig.utf8), in: TemporaryFolder())
    #expect(readers.check.problems.isEmpty)
    var random = SeededRandom(seed: 7)
    var again = SeededRandom(seed: 7)
    let original = try Self.json(Samples.status)
    #expect(TreeMutation.changed(original, &random) == TreeMutation.changed(original, &again))
  }
}

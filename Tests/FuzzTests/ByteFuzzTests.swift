import TestSupport
import Testing

/// Files whose bytes were changed. Cut, joined or repeated files must give findings: in time, without a
/// crash, and without a control character in the output.
@Suite("Files with bytes changed at random", .serialized)
struct ByteFuzzTests {
  private static let objects = ByteMutation(
    (Samples.paths.map(Samples.file) + [Samples.cluster]).map { Array($0.utf8) })
  private static let settings = ByteMutation(
    [Samples.layout, Samples.note, Samples.statusFile, Samples.kubeconfig].map { Array($0.utf8) })

  @Test("give findings without a crash, whichever reader reads them")
  func bytes() throws {
    let folder = try TemporaryFolder()
    FuzzRun("ByteFuzzTests").feed { seed in
      var random = SeededRandom(seed: seed)
      var readers = Readers()
      if seed % 2 == 0 {
        let path = ["clusters/prod/analytics.yaml", "apps/spark-1.1.0.json", "apps/new.yaml"].randomElement(
          using: &random)
        readers.repository(path ?? "", Self.objects.bytes(&random))
      } else {
        let bytes = Self.settings.bytes(&random)
        readers.layout(bytes)
        readers.note(bytes)
        readers.statusFile(bytes)
        try readers.kubeconfig(bytes, in: folder)
      }
      return readers.check.problems
    }
  }
}

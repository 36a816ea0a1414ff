import FoundationEssentials
import TestSupport
import Testing

@testable import kdops

@Suite("The sample repository of the demo")
struct SampleRepositoryTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func make(_ path: String) throws -> String {
    let place = "\(folder.path)/\(path)"
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    try Data().write(to: URL(filePath: "\(place)/.kdops.yaml"))
    return place
  }

  @Test("is found beside the installation, and in the sources above a build folder")
  func places() throws {
    let installed = try make("usr/share/kdops/sample-repo")
    #expect(
      try SampleRepository.find(nil, in: folder.path, program: "\(folder.path)/usr/bin/kdops") == installed)
    let source = try make("source/sample-repo")
    #expect(
      try SampleRepository.find(nil, in: folder.path, program: "\(folder.path)/source/.build/debug/kdops")
        == source)
    #expect(
      try SampleRepository.find(source, in: folder.path, program: "\(folder.path)/usr/bin/kdops") == source)
  }

  @Test("is named with the places where it is missing")
  func missing() {
    let error = #expect(throws: DemoError.self) {
      try SampleRepository.find(nil, in: folder.path, program: "\(folder.path)/usr/bin/kdops")
    }
    #expect(error?.description.contains("\(folder.path)/usr/share/kdops/sample-repo") == true)
    #expect(error?.description.contains("--sample DIR") == true)
  }
}

import Foundation
import TestSupport
import Testing

@testable import Controller

@Suite(
  "Records of scripts in a container",
  .enabled(if: Container.isPossible, "bubblewrap is not installed: apt-get install bubblewrap"))
struct PodRecordsTests {
  private func run(
    _ container: Container, _ key: String, limit: Int = 60, keep: Int = 4096, asks: Int = 1,
    then last: String = ":"
  ) throws -> String {
    // The state that an installation leaves.
    try write("c-1", to: ".kdops-container", in: container)
    return try container.run(
      PodScripts.run, [PodScripts.inner, key, "c-1", "\(limit)", "\(keep)", "0", "--pod_upgraded"], input: "",
      asks: asks, then: last)
  }

  private func write(_ text: String, to path: String, in container: Container) throws {
    let place = "\(container.folder.path)/\(path)"
    try FileManager.default.createDirectory(
      atPath: (place as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try ProgramFile.write(text, to: place)
  }

  private static let script = "opt/guestconfig/appconfig/startscript"

  @Test("contain an exit code of the time limit for a script that is killed at it")
  func never() throws {
    let container = try Container()
    try write("#!/bin/sh\necho begun\nsleep 600\n", to: Self.script, in: container)
    #expect(try run(container, "k1", limit: 1) == "begun\nexit 124")
    #expect(container.content("opt/guestconfig/configure.status") == "c-1=124\nrun=k1\n")
  }

  @Test("answer a repeated request for an ended script without waiting for its background processes")
  func leftRunning() throws {
    let container = try Container()
    try write("#!/bin/sh\nsleep 20 &\necho $! > /tmp/service\necho begun\n", to: Self.script, in: container)
    #expect(
      try run(container, "k1", asks: 2, then: "kill -0 $(cat /tmp/service) && echo still there")
        == "begun\nbegun\nexit 0\nstill there")
  }

  @Test("return the end of a long output, up to the requested size for each stream")
  func capped() throws {
    let container = try Container()
    try write("#!/bin/sh\necho 0123456789\necho abcdefghij\n", to: Self.script, in: container)
    #expect(try run(container, "k1", keep: 11) == "abcdefghij\nexit 0")
    #expect(container.content("opt/guestconfig/configure.stdout") == "0123456789\nabcdefghij\n")
  }

  @Test(
    "truncate output while it is written: beginning and end are kept, and background processes continue"
  )
  func cutOutput() throws {
    let container = try Container()
    try write(
      """
      #!/bin/sh
      echo first
      head -c 50000000 /dev/zero | tr '\\0' x
      echo last
      head -c 50000000 /dev/zero >&2
      """, to: Self.script, in: container)
    #expect(try run(container, "k1", keep: 5) == "last\nexit 0")
    let kept = try #require(container.content("opt/guestconfig/configure.stdout"))
    #expect(kept.utf8.count < 1_400_000)
    #expect(kept.hasPrefix("first\nxxx") && kept.contains("\n[output was cut here]\n"))
    #expect(
      container.names(in: "opt/guestconfig/.kdops/k1") == ["lock", "started", "status", "stderr", "stdout"])
  }

  @Test("contain no exit code for a script that did not start, and the next request starts it")
  func notStarted() throws {
    let container = try Container()
    // A file in place of the folder for records: nothing can be recorded.
    try write("", to: "opt/guestconfig/.kdops", in: container)
    let answer = PodScripts.notStarted
    #expect(try run(container, "k1") == "\(answer.stdout)exit \(answer.exitCode)")
    #expect(container.content("tmp/runs") == nil)
    try FileManager.default.removeItem(atPath: "\(container.folder.path)/opt/guestconfig/.kdops")
    #expect(try run(container, "k1") == "done\nexit 0")
  }

  @Test("are pruned to the latest runs, without running the last one again")
  func pruned() throws {
    let container = try Container()
    for number in 0..<40 {
      let place = "opt/guestconfig/.kdops/old\(number)"
      try write("0\n", to: "\(place)/status", in: container)
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1_000_000 + Double(number))],
        ofItemAtPath: "\(container.folder.path)/\(place)")
    }
    for key in ["k1", "k2", "k2"] { #expect(try run(container, key) == "done\nexit 0") }
    let names = container.names(in: "opt/guestconfig/.kdops")
    #expect(names.count == 16)
    #expect(names.contains("k1") && names.contains("k2") && names.contains("old39"))
    #expect(container.content("tmp/runs") == "--pod_upgraded\n--pod_upgraded\n")
  }

  @Test("allow a failed script to run again once under each retry key")
  func again() throws {
    let container = try Container()
    try write("#!/bin/sh\necho run >> /tmp/runs\nexit 3\n", to: Self.script, in: container)
    for key in ["k1", "k1", "k1-retry", "k1-retry"] { #expect(try run(container, key) == "exit 3") }
    #expect(container.content("tmp/runs") == "run\nrun\n")
  }

  @Test(
    "do not start a script for another container, wherever the mark is", arguments: ["", "tmp/"])
  func mark(folder: String) throws {
    let container = try Container()
    try write("c-1", to: "\(folder).kdops-container", in: container)
    func run(for name: String) throws -> String {
      try container.run(
        PodScripts.run, [PodScripts.inner, "k-\(name)", name, "60", "4096", "0", "--pod_upgraded"], input: "")
    }
    let answer = PodScripts.otherContainer
    #expect(try run(for: "c-2") == "\(answer.stdout)exit \(answer.exitCode)")
    #expect(try run(for: "c-1") == "done\nexit 0")
  }

  @Test("are protected by a mark that installation leaves outside of all volumes")
  func installedMark() throws {
    let container = try upgradable()
    _ = try install(container, "fresh", id: "")
    #expect(container.content(".kdops-container") == "c-1")
    #expect(container.content("tmp/.kdops-container") == nil)
  }

  @Test("find configcli and its Python modules as with KubeDirector, whatever PATH the image sets")
  func environment() throws {
    let container = try Container()
    try write(
      "#!/bin/sh\necho \"$PATH $PYTHONUSERBASE\" >> /tmp/seen\n", to: Self.script, in: container)
    try write("c-1", to: ".kdops-container", in: container)
    func run(_ setting: String, _ key: String) throws -> String {
      try container.run(
        "\(setting)\n\(PodScripts.run)",
        [PodScripts.inner, key, "c-1", "60", "4096", "0", "--configure"], input: "")
    }
    #expect(try run("PATH=/usr/bin:/bin", "k1") == "exit 0")
    #expect(try run("PATH=/usr/local/bin:/usr/bin:/bin PYTHONUSERBASE=/opt/python", "k2") == "exit 0")
    #expect(
      container.content("tmp/seen") == """
        /usr/bin:/bin:/usr/local/bin:/etc/guestconfig/bin /usr/local
        /usr/local/bin:/usr/bin:/bin:/usr/local/bin:/etc/guestconfig/bin /opt/python

        """)
  }

  // MARK: - Injected files

  /// Installs with a `curl` that records its arguments and writes the URL into the file, or fails.
  private func inject(
    _ container: Container, _ files: [String], in name: String = "c-1", fails: Bool = false
  ) throws -> String {
    let body = fails ? "exit 22" : "while [ \"$1\" != -o ]; do shift; done\necho \"$3\" > \"$2\""
    try write("#!/bin/sh\necho \"$*\" >> /tmp/fetched\n\(body)\n", to: "opt/bin/curl", in: container)
    return try container.run(
      "PATH=/opt/bin:$PATH\n\(PodScripts.install)",
      ["metadata", "", "plain", "new", "", "2", name, "", "0"] + files,
      input: "{}")
  }

  private func fetched(_ container: Container) -> Int {
    (container.content("tmp/fetched") ?? "").split(separator: "\n").count
  }

  @Test("fetch each injected file once for each container, with its mode")
  func injected() throws {
    let container = try Container()
    let files = [
      "https://files.example/a b.jar", "/opt/new jars", "a b.jar", "600", "", "",
      "https://files.example/$(id)", "/opt/jars", "$(id)", "", "", "",
    ]
    for name in ["c-1", "c-1", "c-2"] { #expect(try inject(container, files, in: name) == "exit 0") }
    #expect(fetched(container) == 4)
    #expect(container.content("opt/new jars/a b.jar") == "https://files.example/a b.jar\n")
    #expect(container.content("opt/jars/$(id)") == "https://files.example/$(id)\n")
    #expect(container.names(in: "opt/jars") == ["$(id)"])
    let attributes = try FileManager.default.attributesOfItem(
      atPath: "\(container.folder.path)/opt/new jars/a b.jar")
    #expect(attributes[.posixPermissions] as? Int == 0o600)
  }

  @Test("are not fetched in a container that is only marked, as those of an adopted cluster")
  func marked() throws {
    let container = try Container()
    // A daemon that was killed after the first call asks again.
    for _ in 0..<2 {
      let result = try container.run(
        PodScripts.install, ["mark", "", "plain", "new", "", "2", "c-1", "", "0"], input: "{}")
      #expect(result == "exit 0")
    }
    #expect(container.content(".kdops-container") == "c-1")
    #expect(container.content(".kdops-injected") == "c-1")
    #expect(container.content("etc/guestconfig/configmeta.json") == "{}")
    let file = ["https://files.example/a.jar", "/opt/jars", "a.jar", "", "", ""]
    #expect(try inject(container, file) == "exit 0")
    #expect(fetched(container) == 0)
    #expect(try inject(container, file, in: "c-2") == "exit 0")
    #expect(fetched(container) == 1)
  }

  @Test("report a file that cannot be fetched, and fetch it at the next attempt")
  func notInjected() throws {
    let container = try Container()
    let file = ["https://files.example/a.jar", "/opt/jars", "a.jar", "", "", ""]
    #expect(try inject(container, file, fails: true) == "exit 22")
    #expect(container.names(in: "opt/jars").isEmpty)
    #expect(try inject(container, file) == "exit 0")
    #expect(container.names(in: "opt/jars") == ["a.jar"])
  }

  // MARK: - Package backups

  private func install(
    _ container: Container, _ mode: String, id: String, backup: Bool = true, in name: String = "c-1"
  ) throws -> String {
    try container.run(
      PodScripts.install,
      [mode, id, backup ? "backup" : "plain", "new", "file:///tmp/package.tgz", "2", name, "", "0"],
      input: "{}")
  }

  /// A container with storage: version 1 is installed, and version 2 can be installed.
  private func upgradable() throws -> Container {
    let container = try Container()
    try write("1", to: "opt/guestconfig/appconfig/version", in: container)
    try write("#!/bin/sh\n", to: "tmp/new/appconfig/startscript", in: container)
    try write("2", to: "tmp/new/appconfig/version", in: container)
    _ = try TemporaryRepository.run(
      [
        "tar", "czf", "\(container.folder.path)/tmp/package.tgz", "-C", "\(container.folder.path)/tmp/new",
        ".",
      ],
      in: nil)
    return container
  }

  private func version(_ container: Container) -> String? {
    container.content("opt/guestconfig/appconfig/version")
  }

  @Test(
    "include a package backup of an upgrade, which a rollback restores and the end of either removes")
  func thereAndBack() throws {
    let container = try upgradable()
    #expect(try install(container, "upgrade", id: "u1") == "exit 0")
    #expect(version(container) == "2")
    #expect(container.content("opt/guestconfig.backup/u1/appconfig/version") == "1")
    #expect(try install(container, "revert", id: "u1", in: "c-2") == "exit 0")
    #expect(version(container) == "1")
    #expect(try container.run(PodScripts.discard, ["u1"], input: "") == "exit 0")
    #expect(container.names(in: "opt/guestconfig.backup") == [])
  }

  @Test(
    "keep the first backup if the upgrade is repeated in the next container")
  func twice() throws {
    let container = try upgradable()
    for name in ["c-1", "c-2"] { #expect(try install(container, "upgrade", id: "u1", in: name) == "exit 0") }
    #expect(container.content("opt/guestconfig.backup/u1/appconfig/version") == "1")
  }

  @Test("have no backup for a pod whose new image never ran, and its package stays")
  func neverRan() throws {
    let container = try upgradable()
    try write("#!/bin/sh\n", to: Self.script, in: container)
    #expect(try install(container, "revert", id: "u1") == "exit 0")
    #expect(version(container) == "1")
  }

  @Test("ignore the backup of a different upgrade")
  func ofAnother() throws {
    let container = try upgradable()
    try write("0", to: "opt/guestconfig.backup/u0/appconfig/version", in: container)
    #expect(try install(container, "revert", id: "u1") == "exit 0")
    #expect(version(container) == "1")
    #expect(try install(container, "upgrade", id: "u1", in: "c-2") == "exit 0")
    #expect(container.names(in: "opt/guestconfig.backup") == ["u1"])
  }

  @Test("have no backup without a volume, and the old package is installed anew")
  func withoutVolume() throws {
    let container = try upgradable()
    #expect(try install(container, "revert", id: "u1", backup: false) == "exit 0")
    #expect(version(container) == "2")
    #expect(container.names(in: "opt") == [".kdops-install.lock", "guestconfig"])
  }

  @Test("keep the installed package and install nothing if the backup fails")
  func copyFails() throws {
    let container = try upgradable()
    // A file in place of the folder: it can neither be created nor written to.
    try write("", to: "opt/guestconfig.backup", in: container)
    #expect(try install(container, "upgrade", id: "u1").hasSuffix("exit 1"))
    #expect(version(container) == "1")
  }

  @Test("name a missing package in the failure")
  func missingPackage() throws {
    let container = try Container()
    #expect(try install(container, "fresh", id: "", backup: false) == "exit 1")
  }
}

import Foundation
import KubeDirector
import TestSupport
import Testing
import Values

@testable import Controller

/// The built-in configcli, in a container whose `configmeta.json` KubeDirector could have written.
@Suite(
  "The built-in configcli",
  .enabled(if: Container.isPossible, "bubblewrap is not installed: apt-get install bubblewrap"))
struct ConfigCLITests {
  /// A `configmeta.json` as KubeDirector writes it: one line without a line break at its end.
  private static let meta = #"""
    {"version":"7","services":{"web":{"1":{"front":{"bdvlibrefkey":["nodegroups","1","roles","front","services","web"]}}}},"nodegroups":{"1":{"roles":{"front":{"services":{"web":{"qualifiers":[],"name":"Web \u003cui\u003e","id":"web","hostnames":{"bdvlibrefkey":["nodegroups","1","roles","front","hostnames"]},"global_id":"1_front_web","fqdns":{"bdvlibrefkey":["nodegroups","1","roles","front","fqdns"]},"exported_service":"","endpoints":null,"authToken":"t0"}},"node_ids":["10"],"hostnames":["a-front-0.a.prod.svc"],"fqdns":["a-front-0.a.prod.svc"],"fqdn_mappings":{"a-front-0.a.prod.svc":"10"},"flavor":{"storage":"n/a","name":"n/a","memory":"4096","description":"n/a","cores":"2"},"secret_keys":{},"block_device_paths":null},"worker":{"services":{},"node_ids":["2","3"],"hostnames":["a-worker-0.a.prod.svc","a-worker-1.a.prod.svc"],"fqdns":["a-worker-0.a.prod.svc","a-worker-1.a.prod.svc"],"fqdn_mappings":{"a-worker-0.a.prod.svc":"2","a-worker-1.a.prod.svc":"3"},"flavor":{"storage":"n/a","name":"n/a","memory":"512","description":"n/a","cores":"1"},"secret_keys":{},"block_device_paths":null}},"distro_id":"example/app","catalog_entry_version":"1.0","config_metadata":{"plain":"a b","quote":"say \"$(id)\" 'x' `y` \\n %s","lines":"one\ntwo\t\u00e9\ud83d\ude00"}}},"distros":{"example/app":{"1":{"bdvlibrefkey":["nodegroups","1"]}}},"cluster":{"name":"a","isolated":false,"id":"u-1","config_metadata":{"1":{"bdvlibrefkey":["nodegroups","1","config_metadata"]}}},"node":{"role_id":"worker","nodegroup_id":"1","id":"3","hostname":"a-worker-1.a.prod.svc","fqdn":"a-worker-1.a.prod.svc","domain":"a.prod.svc","distro_id":"example/app","depends_on":{}},"connections":{"clusters":{},"configmaps":{"hadoop":[{"metadata":{"name":"site"},"data":{"core":"<x/>"},"labels":{"l":"1"},"annotations":null}]},"secrets":null}}
    """#

  private static func container(_ meta: String = meta) throws -> Container {
    let container = try Container()
    let tool = ConfigCLI.own.bytes
    let input = meta + String(decoding: tool, as: UTF8.self)
    let result = try container.run(
      PodScripts.install,
      ["metadata", "", "plain", "legacy", "", "\(meta.utf8.count)", "c-1", "own", "\(tool.count)"],
      input: input)
    #expect(result == "exit 0")
    return container
  }

  /// The output of a command in the container, with its exit code.
  private static func output(_ command: String, in container: Container) throws -> String {
    try container.run("PATH=$PATH:/etc/guestconfig/bin; \(command) 2> /tmp/errors", [], input: "")
  }

  private static let calls: [(String, String)] = [
    ("--get node.role_id", "worker\nexit 0"),
    ("--get=node.fqdn", "a-worker-1.a.prod.svc\nexit 0"),
    ("-g node.hostname", "a-worker-1.a.prod.svc\nexit 0"),
    ("--get node.depends_on", "\nexit 0"),
    ("--get node", "role_id,nodegroup_id,id,hostname,fqdn,domain,distro_id,depends_on\nexit 0"),
    ("--get node.", "role_id,nodegroup_id,id,hostname,fqdn,domain,distro_id,depends_on\nexit 0"),
    ("namespace distros", "example/app\nexit 0"),
    ("namespace node id", "3\nexit 0"),
    ("namespace cluster name", "a\nexit 0"),
    ("--get cluster.isolated", "false\nexit 0"),
    ("--get version", "7\nexit 0"),
    ("--get services", "web\nexit 0"),
    ("--get services.web", "1\nexit 0"),
    ("--get services.web.1", "front\nexit 0"),
    ("--get services.web.1.front.fqdns", "a-front-0.a.prod.svc\nexit 0"),
    ("--get services.web.1.front.endpoints", "\nexit 0"),
    ("--get services.web.1.front.authToken", "t0\nexit 0"),
    ("--get services.web.1.front.name", "Web <ui>\nexit 0"),
    ("--get distros.example/app.1.roles", "front,worker\nexit 0"),
    (
      "--get distros.example/app.1.roles.worker.fqdns",
      "a-worker-0.a.prod.svc,a-worker-1.a.prod.svc\nexit 0"
    ),
    ("--get distros.example/app.1.roles.worker.flavor.cores", "1\nexit 0"),
    ("--get distros.example/app.1.roles.worker.block_device_paths", "\nexit 0"),
    ("--get distros.example/app.1.roles.worker.secret_keys", "\nexit 0"),
    ("--get cluster.config_metadata.1.plain", "a b\nexit 0"),
    ("--get cluster.config_metadata.1.quote", "say \"$(id)\" 'x' `y` \\n %s\nexit 0"),
    ("--get cluster.config_metadata.1.lines", "one\ntwo\té😀\nexit 0"),
    ("--get connections.configmaps.hadoop", "metadata,data,labels,annotations\nexit 0"),
    ("--get connections.configmaps.hadoop.data.core", "<x/>\nexit 0"),
    ("--get connections.secrets", "\nexit 0"),
    ("--get cluster.config_choice_selections.1.kerberos", "exit 1"),
    ("--get tenant", "exit 1"),
    ("--get nodegroups.1.roles", "exit 1"),
    ("--get node.fqdn.more", "exit 1"),
    ("--get", "exit 2"),
    ("--wrong", "exit 2"),
    ("macro node --get_self_id", "3\nexit 0"),
    ("macro node --get_self_index", "1\nexit 0"),
    ("macro node --get_index a-front-0.a.prod.svc", "2\nexit 0"),
    ("macro node --get_id a-front-0.a.prod.svc", "10\nexit 0"),
    ("macro node --get_id nobody", "exit 1"),
    ("macro node", "exit 2"),
    ("macro nodegroup --num_nodegroups", "1\nexit 0"),
    ("--get_local_group_fqdns", "a-front-0.a.prod.svc,a-worker-0.a.prod.svc,a-worker-1.a.prod.svc\nexit 0"),
    ("--get_nodegroup_fqdns 1", "a-front-0.a.prod.svc,a-worker-0.a.prod.svc,a-worker-1.a.prod.svc\nexit 0"),
    ("--get_nodegroup_fqdns 2", "exit 1"),
    ("--get_all_fqdns", "a-front-0.a.prod.svc,a-worker-0.a.prod.svc,a-worker-1.a.prod.svc\nexit 0"),
    ("--version", "1.0\nexit 0"), ("--baseimg_version", "\nexit 0"),
    ("--wait services.web", "*** Unknown syntax: dsync wait --srvckey services.web --timeout 3600\n\nexit 0"),
  ]

  @Test("gives the output and the exit code of KubeDirector's")
  func output() throws {
    let container = try Self.container()
    for (call, expected) in Self.calls {
      #expect(try Self.output("configcli \(call)", in: container) == expected, "\(call)")
    }
    #expect(container.names(in: "tmp").contains("x") == false)
  }

  @Test("has the other names of the command too")
  func names() throws {
    let container = try Self.container()
    for name in ["bdvcli", "bd_vcli", "ccli"] {
      #expect(try Self.output("\(name) --get node.id", in: container) == "3\nexit 0", "\(name)")
    }
    #expect(try Self.output("configmacro node --get_self_index", in: container) == "1\nexit 0")
  }

  @Test("takes arguments and file as data")
  func hostile() throws {
    let container = try Self.container(
      #"{"node": {"$(touch /tmp/pwned)": "\"; system(\"touch /tmp/pwned\")", "a=b": "1"}, "cluster": {}}"#)
    let key = "'node.$(touch /tmp/pwned)'"
    #expect(
      try Self.output("configcli --get \(key)", in: container) == "exit 1",
      "a key with blanks is several words")
    #expect(
      try Self.output("configcli --get node", in: container) == "$(touch /tmp/pwned),a=b\nexit 0")
    #expect(try Self.output("configcli --get node.a=b", in: container) == "1\nexit 0")
    for word in ["x=1", "-f", "/etc/passwd", "'*'", "'`touch /tmp/pwned`'"] {
      _ = try Self.output("configcli --get node.\(word)", in: container)
      _ = try Self.output("configcli macro node --get_id \(word)", in: container)
    }
    #expect(!container.names(in: "tmp").contains("pwned"))
  }

  @Test("ends with exit code 1 if the file is damaged, empty or missing", arguments: ["{\"node\": {", "x"])
  func damaged(_ text: String) throws {
    let container = try Self.container(text)
    #expect(try Self.output("configcli --get node.id", in: container) == "exit 1")
    #expect(container.content("tmp/errors")?.contains("is not JSON") == true)
    try FileManager.default.removeItem(atPath: "\(container.folder.path)/etc/guestconfig/configmeta.json")
    #expect(try Self.output("configcli --get node.id", in: container) == "exit 1")
    #expect(container.content("tmp/errors")?.contains("cannot be read") == true)
  }

  @Test("reads a file of a megabyte with a long value in a moment")
  func large() throws {
    let text = String(repeating: #"a \"quoted\" word\n"#, count: 60_000)
    let container = try Self.container(#"{"node": {"id": "1", "text": "\#(text)"}}"#)
    #expect(try Self.output("configcli --get node.id", in: container) == "1\nexit 0")
    #expect(
      try Self.output("configcli --get node.text | tail -n 2", in: container) == "a \"quoted\" word\n\nexit 0"
    )
  }

  @Test("says what is missing if the image has no awk")
  func withoutAwk() throws {
    let container = try Self.container()
    let found = try Self.output(
      "tool=$(command -v configcli); PATH=/nowhere /bin/sh \"$tool\" --get node.id", in: container)
    #expect(found == "exit 127")
    #expect(container.content("tmp/errors")?.contains("has no awk") == true)
  }

  // MARK: - Installation

  private static func install(_ tool: String, _ bytes: [UInt8], _ container: Container) throws -> String {
    try container.run(
      PodScripts.install, ["metadata", "", "plain", "legacy", "", "2", "c-1", tool, "\(bytes.count)"],
      input: "{}" + String(decoding: bytes, as: UTF8.self))
  }

  @Test("replaces that of an earlier daemon, and leaves that of the image alone")
  func replaced() throws {
    let container = try Self.container()
    let place = "\(container.folder.path)/etc/guestconfig/bin/configcli"
    try ProgramFile.write("#!/bin/sh\n# configcli of kdops: an old one\necho old\n", to: place)
    #expect(try Self.install("own", ConfigCLI.own.bytes, container) == "exit 0")
    #expect(try Self.output("configcli --version", in: container) == "1.0\nexit 0")
    try ProgramFile.write("#!/bin/sh\necho mine\n", to: place)
    #expect(try Self.install("own", ConfigCLI.own.bytes, container) == "exit 0")
    #expect(try Self.output("configcli --version", in: container) == "mine\nexit 0")
    #expect(container.names(in: "etc/guestconfig") == ["bin", "configmeta.json"])
  }

  @Test("is not installed from truncated input")
  func truncated() throws {
    let container = try Container()
    let answer = PodScripts.cutShort
    let result = try container.run(
      PodScripts.install, ["metadata", "", "plain", "legacy", "", "2", "c-1", "own", "100"], input: "{}#!/bin"
    )
    #expect(result == "\(answer.stdout)exit \(answer.exitCode)")
    #expect(container.names(in: "etc/guestconfig") == [])
  }

  @Test("gives way to the administrator's archive, whose failure is reported")
  func archive() throws {
    let container = try Self.container()
    let source = try TemporaryFolder()
    func pack(_ script: String) throws -> String {
      let folder = "\(source.path)/configcli-9"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try ProgramFile.write("#!/bin/sh\n\(script)\n", to: "\(folder)/install")
      _ = try TemporaryRepository.run(
        ["tar", "czf", "\(container.folder.path)/tmp/a.tgz", "-C", source.path, "configcli-9"], in: nil)
      let size = try FileManager.default.attributesOfItem(atPath: "\(container.folder.path)/tmp/a.tgz")[.size]
      return "\(size as? Int ?? 0)"
    }
    // Standard input is the archive's bytes, which are no text.
    func install(_ size: String) throws -> String {
      let call =
        "PATH=/opt/bin:$PATH; text=$1; shift; { printf '{}'; cat /tmp/a.tgz; } | sh -c \"$text\" install metadata '' plain legacy '' 2 c-1 archive \(size) 2> /tmp/errors"
      return try container.run(call, [PodScripts.install], input: "")
    }
    #expect(try install(try pack("echo no python here >&2; exit 3")) == "exit 1")
    let errors = try #require(container.content("tmp/errors"))
    #expect(errors.contains("no python here") && errors.contains("pods.configcli (exit code 3)"))
    #expect(try install(try pack(":")) == "exit 1", "it installs nothing")
    // Where an image with Python would have it.
    let place = "/opt/bin/configcli"
    let good =
      #"mkdir -p /opt/bin; printf '#!/bin/sh\necho %s\n' "$PYTHONUSERBASE" > \#(place); chmod 755 \#(place)"#
    #expect(try install(try pack(good)) == "exit 0")
    for name in ["configcli", "bdvcli", "bd_vcli"] {
      #expect(
        try Self.output("PATH=/opt/bin:$PATH; \(name)", in: container) == "/usr/local\nexit 0")
    }
    // The next container with the same volume keeps it.
    #expect(try install(try pack("exit 3")) == "exit 0")
    #expect(container.names(in: "opt").filter { $0.hasPrefix(".kdops-configcli") } == [])
  }

  /// The script with other folders in place of `/usr/bin` and `/usr/local/bin`, which are read-only in the test.
  private static let relocated = PodScripts.install
    .replacing("/usr/local/bin", with: "/opt/local/bin").replacing("/usr/bin", with: "/opt/usrbin")

  private static func install(_ container: Container) throws -> String {
    let tool = ConfigCLI.own.bytes
    try FileManager.default.createDirectory(
      atPath: "\(container.folder.path)/opt/usrbin", withIntermediateDirectories: true)
    return try container.run(
      relocated, ["metadata", "", "plain", "new", "", "2", "c-1", "own", "\(tool.count)"],
      input: "{}" + String(decoding: tool, as: UTF8.self))
  }

  @Test("is found in /usr/bin too under each name, also in the next container with the same volume")
  func links() throws {
    let container = try Container()
    let names = ["bd_vcli", "bdvcli", "ccli", "configcli", "configmacro"]
    #expect(try Self.install(container) == "exit 0")
    #expect(container.names(in: "opt/usrbin") == names && container.names(in: "opt/local/bin") == names)
    #expect(try container.run("/opt/usrbin/configcli --version", [], input: "") == "1.0\nexit 0")
    // /usr/bin is not on the volume.
    try FileManager.default.removeItem(atPath: "\(container.folder.path)/opt/usrbin")
    #expect(try Self.install(container) == "exit 0")
    #expect(container.names(in: "opt/usrbin") == names)
  }

  @Test("leaves a configcli of the image in its place if it can run, and replaces it otherwise")
  func ofImage() throws {
    for (code, isKept) in [(0, true), (1, false)] {
      let container = try Container()
      let place = "\(container.folder.path)/opt/local/bin"
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      try ProgramFile.write("#!/bin/sh\necho \"$PYTHONUSERBASE\"; exit \(code)\n", to: "\(place)/configcli")
      #expect(try Self.install(container) == "exit 0")
      let result = try container.run("/opt/usrbin/configcli --baseimg_version", [], input: "")
      #expect(result == "\nexit 0", "\(code)")
      let content = container.content("opt/local/bin/configcli")
      #expect((content?.contains("configcli of kdops") == true) != isKept)
    }
  }

  @Test("archives are checked for size, format and digest before a daemon starts")
  func checks() {
    let gzip: [UInt8] = [0x1F, 0x8B, 0x08, 0, 1]
    #expect(ConfigCLI.problem(ofArchive: gzip, digest: nil) == nil)
    #expect(ConfigCLI.problem(ofArchive: [1, 2, 3], digest: nil) == "is not a gzipped tar archive")
    let large = gzip + [UInt8](repeating: 0, count: ConfigCLI.largestArchive)
    #expect(ConfigCLI.problem(ofArchive: large, digest: nil) == "is larger than 4 MiB")
    let digest = "sha256:\(Digest.hex(gzip, bytes: 32))"
    #expect(ConfigCLI.problem(ofArchive: gzip, digest: digest) == nil)
    let other = "sha256:\(String(repeating: "0", count: 64))"
    #expect(
      ConfigCLI.problem(ofArchive: gzip, digest: other) == "has the digest \(digest) instead of \(other)")
  }
}

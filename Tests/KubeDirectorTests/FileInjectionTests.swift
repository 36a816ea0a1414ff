import KubeDirector
import Testing
import Values

@Suite("An injected file")
struct FileInjectionTests {
  @Test(
    "has the last part of the path as its name",
    arguments: [
      ("https://files.example/jars/jdbc.jar", "jdbc.jar"), ("http://files.example/a?x=/b#c", "a"),
      ("https://files.example/", nil), ("https://files.example", nil), ("https://files.example/a/..", nil),
      ("https://files.example/.", nil), ("https://files.example/a/?b", nil),
    ] as [(String, String?)])
  func name(source: String, name: String?) {
    #expect(FileInjection(["srcURL": .string(source), "destDir": "/opt"])?.name == name)
  }

  @Test(
    "has owners that are no options", arguments: ["-R", "--reference=/etc/shadow", "a:b", "a b", "$(id)"])
  func owner(_ owner: String) {
    for field in ["fileOwner", "fileGroup"] {
      let file: JSON = [
        "srcURL": "https://files.example/a", "destDir": "/opt", "permissions": [field: .string(owner)],
      ]
      #expect(FileInjection(file)?.hasValidOwner == false)
    }
  }

  @Test(
    "is outside of the folders of the daemon and of the kernel, and of the root folder",
    arguments: [
      ("/", "a"), ("/etc/guestconfig", "configmeta.json"), ("/opt/../etc//guestconfig/bin", "a"),
      ("opt", "a"),
      ("/dev/shm", "a"), ("/opt", ".kdops-install.lock"),
    ])
  func folder(folder: String, name: String) {
    let file = FileInjection(["srcURL": .string("https://files.example/\(name)"), "destDir": .string(folder)])
    #expect(file?.hasValidFolder == false)
    #expect(
      FileInjection(["srcURL": "https://files.example/a", "destDir": "/etc/spark"])?.hasValidFolder == true)
  }

  @Test(
    "matches a pattern only if no client can read its URL as another one",
    arguments: [
      "https://files.example/jars/../keys/a", "https://files.example/jars/%2e%2e/a",
      "https://files.example/jars/./a", "https://files.example/jars/a\\b", "https://files.example/jars/a b",
    ])
  func dots(url: String) {
    let tenancy = Tenancy(fileSources: ["https://files.example/jars/*"])
    #expect(!tenancy.allows(fileSource: url))
    #expect(Tenancy(fileSources: [url]).allows(fileSource: url))
    #expect(
      !Tenancy(fileSources: ["https://files.example*"]).allows(fileSource: "https://files.example@10.0.0.1/a")
    )
    #expect(tenancy.allows(fileSource: "https://files.example/jars/a.jar?path=../x"))
  }

  @Test("is kept only if a list names its source")
  func tenancy() {
    let role: JSON = [
      "id": "a",
      "fileInjections": [
        ["srcURL": "https://files.example/jars/a.jar", "destDir": "/opt"],
        ["srcURL": "http://169.254.169.254/latest", "destDir": "/opt"],
        [
          "srcURL": "https://files.example/jars/b.jar", "destDir": "/opt", "permissions": ["fileOwner": "-R"],
        ],
      ],
    ]
    let cluster = Cluster(
      metadata: Metadata(name: "c", namespace: "n"), spec: ClusterSpec(["app": "a", "roles": [role]]))
    func names(_ sources: [String]) -> [String?] {
      cluster.restricted(to: Tenancy(fileSources: sources)).spec.roles[0].fileInjections.map(\.name)
    }
    #expect(names([]) == [])
    #expect(names(["https://files.example/jars/*"]) == ["a.jar"])
    #expect(names(["https://files.example/jars/a.jar", "http://169.254"]) == ["a.jar"])
    #expect(names(["*"]) == ["a.jar", "latest"])
  }
}

import KubeDirector
import Testing
import Upgrade

@Suite("What a cluster is connected to")
struct ConnectionTests {
  /// A cluster at rest that was made with a connection.
  static func connected() -> Stage {
    var stage = Stage([.init(id: "web", members: 2), .init(id: "plain", hasPackage: false)])
    stage.connect(["configmaps/hadoop": "a"])
    stage.settle()
    return stage
  }

  @Test("who is set up with it does not hear of it")
  func created() {
    var stage = Stage([.init(id: "web")])
    stage.connect(["configmaps/hadoop": "a"])
    let told = stage.record { $0.settle() }
    #expect(told.contains("script web-0 --configure") && !told.contains("--reconnect"))
    #expect(stage.status?.connections == ConnectionState(marks: ["configmaps/hadoop": "a"], changes: 1))
    #expect(stage.violations == [])
  }

  @Test("when it changes, comes or goes, every member with a package hears --reconnect, once")
  func changed() {
    var stage = Self.connected()
    for marks in [["configmaps/hadoop": "b"], ["configmaps/hadoop": "a"], [:]] {
      stage.connect(marks)
      let told = stage.record { $0.settle() }
      #expect(
        told == """
          state updating
          script web-0 --reconnect
          script web-1 --reconnect
          state configured
          """)
      stage.killDaemon()
      #expect(stage.record { $0.settle() } == "")
    }
    #expect(stage.violations == [])
  }

  @Test("what changes while a member is being set up stands in its configmeta.json, which is written again")
  func changedWhileInstalling() {
    var stage = Stage([.init(id: "web")])
    stage.connect(["configmaps/hadoop": "a"])
    stage.heldScripts = ["web-0"]
    stage.settle()
    stage.connect(["configmaps/hadoop": "b"])
    stage.settle()
    stage.heldScripts = []
    let told = stage.record { $0.settle() }
    #expect(
      told == """
        install web-0 fresh
        script web-0 --configure
        state configured
        """)
  }

  @Test("a cluster that is changing is told of when it is at rest again")
  func unsettled() {
    var stage = Self.connected()
    stage.connect(["configmaps/hadoop": "a", "clusters/hdfs": "1"], unsettled: ["clusters/hdfs"])
    #expect(stage.record { $0.settle() } == "")
    stage.connect(["configmaps/hadoop": "a", "clusters/hdfs": "2"])
    #expect(stage.record { $0.settle() }.contains("script web-0 --reconnect"))
    stage.connect(["configmaps/hadoop": "b", "clusters/hdfs": "3"], unsettled: ["clusters/hdfs"])
    stage.settle()
    #expect(stage.status?.connections?.marks == ["configmaps/hadoop": "b", "clusters/hdfs": "2"])
  }

  @Test("what changes while an upgrade runs is told when it has ended, and disturbs none of its pods")
  func duringUpgrade() {
    var stage = Stage(
      [.init(id: "worker", members: 2), .init(id: "web")], versions: ["1.0": [:], "1.1": ["worker": "1.1"]])
    stage.connect(["secrets/key": "a"])
    stage.settle()
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("worker-0")?.podUpgradeStatus == .upgrading }
    stage.connect(["secrets/key": "b"])
    let told = stage.record { $0.settle() }
    let lines = told.split(separator: "\n")
    #expect(lines.firstIndex(of: "end app-1.1") ?? 99 < lines.firstIndex(of: "script web-0 --reconnect") ?? 0)
    #expect(stage.violations == [])
  }

  @Test("a --reconnect that failed is void once there is something newer to tell")
  func mended() {
    var stage = Self.connected()
    stage.exitCodes["web-1 reconnect"] = 9
    stage.connect(["configmaps/hadoop": "broken"])
    stage.settle()
    #expect(stage.member("web-1")?.state == .configError)
    stage.exitCodes = [:]
    stage.connect(["configmaps/hadoop": "mended"])
    let told = stage.record { $0.settle() }
    #expect(
      told == """
        stalled no more
        script web-0 --reconnect
        script web-1 --reconnect
        state configured
        """)
  }

  @Test("several changes while a member is busy are told as one")
  func folded() {
    var stage = Self.connected()
    stage.heldScripts = ["web-0"]
    for mark in ["b", "c", "d"] {
      stage.connect(["configmaps/hadoop": mark])
      stage.settle()
    }
    stage.heldScripts = []
    let told = stage.record { $0.settle() }
    #expect(told.split(separator: "\n").count { $0 == "script web-0 --reconnect" } == 1)
    #expect(stage.status?.state == .configured)
  }

  @Test("before they can be read nobody is set up without them, and nothing is concluded")
  func unread() {
    var stage = Stage([.init(id: "web")])
    stage.connect([:], unread: ["secrets"])
    #expect(!stage.record { $0.settle() }.contains("install"))
    #expect(
      stage.status?.condition(.progressing)?.message
        == "members are being set up; members wait until secrets can be read")
    stage.connect(["secrets/key": "a"])
    stage.settle()
    #expect(stage.status?.state == .configured)
    stage.connect([:], unread: ["secrets"])
    #expect(stage.record { $0.settle() } == "")
  }

  @Test("a spec that nobody vouches for tells nobody anything")
  func unstamped() {
    var stage = Self.connected()
    stage.isStamped = false
    stage.connect(["configmaps/hadoop": "a", "secrets/other": "x"])
    #expect(stage.record { $0.settle() } == "")
  }
}

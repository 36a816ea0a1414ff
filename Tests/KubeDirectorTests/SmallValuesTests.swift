import KubeDirector
import Testing

@Suite("Grace periods")
struct GracePeriodTests {
  @Test("are seconds for all roles, for single roles, or 30")
  func seconds() {
    #expect(GracePeriods(nil).seconds(of: "db") == 30)
    #expect(GracePeriods("120").seconds(of: "db") == 120)
    let mixed = GracePeriods("60, db=300")
    #expect(mixed.seconds(of: "db") == 300 && mixed.seconds(of: "web") == 60)
    #expect(mixed.invalid.isEmpty && mixed.roles == ["db": 300])
  }

  @Test(
    "of an invalid value are the default",
    arguments: ["5m", "-1", "3601", "db=", "1e3", "99999999999999999999"])
  func invalid(text: String) {
    let periods = GracePeriods(text)
    #expect(periods.invalid == [text] && periods.seconds(of: "db") == 30)
  }
}

@Suite("Cardinality")
struct CardinalityTests {
  @Test("means exactly N for N, and at least N for N+")
  func allows() throws {
    let three = try #require(Cardinality("3"))
    let more = try #require(Cardinality("3+"))
    #expect([2, 3, 4].map(three.allows) == [false, true, false])
    #expect([2, 3, 4].map(more.allows) == [false, true, true])
    #expect(three.inWords == "exactly 3" && more.inWords == "at least 3")
    #expect(Cardinality("0+")?.allows(0) == true)
  }

  @Test("is bounded for a number that no cluster can have")
  func bounded() { #expect(Cardinality("9223372036854775807+")?.minimum == Int(Int32.max)) }

  @Test(
    "is absent for any other text",
    arguments: ["", "+", "3++", "+3", "-1", "3-5", " 3", "three", "99999999999999999999"])
  func invalid(text: String) { #expect(Cardinality(text) == nil) }
}

@Suite("Timestamps")
struct TimestampTests {
  @Test(
    "are read and written in the format of Kubernetes",
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"),
      (1_769_850_300, "2026-01-31T09:05:00Z"),
      (-1, "1969-12-31T23:59:59Z"), (4_107_542_399, "2100-02-28T23:59:59Z"),
      (4_107_542_400, "2100-03-01T00:00:00Z"),
      (-62_167_219_200, "0000-01-01T00:00:00Z"),
    ])
  func bothWays(seconds: Int, text: String) {
    #expect(Timestamp.text(seconds) == text)
    #expect(Timestamp.seconds(text) == seconds)
  }

  @Test("are limited to the nearest instant with a year of four digits")
  func beyond() {
    #expect(Timestamp.text(.min) == "0000-01-01T00:00:00Z")
    #expect(Timestamp.text(.max) == "9999-12-31T23:59:59Z")
  }

  @Test("drop a fraction of a second")
  func fraction() { #expect(Timestamp.seconds("1970-01-01T00:00:01.999999Z") == 1) }

  @Test(
    "are refused if they are invalid",
    arguments: [
      "", "1970-01-01", "1970-01-01T00:00:00", "1970-13-01T00:00:00Z", "1970-01-32T00:00:00Z",
      "1970-01-01T24:00:00Z",
      "1970-01-01T00:60:00Z", "197a-01-01T00:00:00Z", "1970/01/01T00:00:00Z", "ééééééééééZ",
    ])
  func invalid(text: String) { #expect(Timestamp.seconds(text) == nil) }

  @Test("survive a round trip for every day of four centuries")
  func everyDay() {
    for day in stride(from: -73_000, to: 73_000, by: 1) {
      let seconds = day * 86_400 + 3_661
      guard Timestamp.seconds(Timestamp.text(seconds)) == seconds else {
        Issue.record("\(seconds) does not come back from \(Timestamp.text(seconds))")
        return
      }
    }
  }
}

@Suite("Derived names")
struct DerivedNamesTests {
  @Test("are cluster and role for a StatefulSet, in lower case, with dashes for illegal characters")
  func plain() {
    #expect(DerivedNames.statefulSet(cluster: "analytics", role: "worker") == "analytics-worker")
    #expect(DerivedNames.statefulSet(cluster: "centos7", role: "vanilla_centos") == "centos7-vanilla-centos")
    #expect(DerivedNames.statefulSet(cluster: "ubuntu18.04", role: "Node.A") == "ubuntu18-04-node-a")
    #expect(DerivedNames.pod(statefulSet: "analytics-worker", ordinal: 2) == "analytics-worker-2")
    #expect(DerivedNames.claim(statefulSet: "analytics-worker", ordinal: 2) == "p-analytics-worker-2")
    #expect(DerivedNames.memberService(pod: "analytics-worker-2") == "analytics-worker-2")
  }

  @Test("are cut if too long, with a hash that keeps them unique")
  func long() {
    let cluster = String(repeating: "c", count: 60)
    let one = DerivedNames.statefulSet(cluster: cluster, role: "worker")
    let other = DerivedNames.statefulSet(cluster: cluster, role: "controller")
    #expect(one != other)
    for name in [one, other] {
      #expect(name.utf8.count <= 52 && name.hasPrefix(String(repeating: "c", count: 40)))
    }
    #expect(one == DerivedNames.statefulSet(cluster: cluster, role: "worker"))
  }

  @Test("keep the name of a role that already has it if several roles map to it, in any order")
  func colliding() {
    for among in [["a-b", "a_b", "A.b"], ["A.b", "a_b", "a-b"]] {
      let names = ["a-b", "a_b", "A.b"].map {
        DerivedNames.statefulSet(cluster: "x", role: $0, among: among)
      }
      #expect(names[0] == "x-a-b")
      #expect(Set(names).count == 3)
      #expect(names.allSatisfy { $0.hasPrefix("x-a-b") })
    }
  }

  @Test("are the cluster's name for the headless service if it is a legal label, otherwise with a hash")
  func headless() {
    #expect(DerivedNames.headlessService(cluster: "analytics") == "analytics")
    let dotted = DerivedNames.headlessService(cluster: "ubuntu18.04")
    #expect(
      dotted.hasPrefix("ubuntu18-04-") && dotted != DerivedNames.headlessService(cluster: "ubuntu18-04"))
    #expect(DerivedNames.headlessService(cluster: String(repeating: "a", count: 80)).utf8.count <= 63)
  }

  @Test("are always legal DNS labels")
  func legal() {
    for cluster in ["a", "A.b", "x-", "ä", String(repeating: "n.", count: 60)] {
      for role in ["r", "R_1", "..", String(repeating: "é", count: 40)] {
        let name = DerivedNames.statefulSet(cluster: cluster, role: role)
        #expect(
          name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D })
        #expect(name.utf8.count <= 52)
      }
    }
  }

  @Test(
    "have the same fingerprint if they map to one name, and a pod's name starts with its StatefulSet's")
  func fingerprints() {
    #expect(DerivedNames.fingerprint("ns", "a.b", "C") == DerivedNames.fingerprint("ns", "a-b", "c"))
    #expect(DerivedNames.fingerprint("ns", "a", "b-c") == DerivedNames.fingerprint("ns", "a-b", "c"))
    #expect(DerivedNames.fingerprint("ns", "a", "b") != DerivedNames.fingerprint("ns", "a", "c"))
    #expect(DerivedNames.stemOfPod("analytics-worker-12") == "analytics-worker")
    for name in ["analytics", "analytics-", "-1", "12", ""] { #expect(DerivedNames.stemOfPod(name) == nil) }
  }
}

import Testing
import Values

@testable import Notifications

@Suite("Settings of notification targets")
struct TargetTests {
  private func problem(_ settings: JSON) -> NotificationTarget.Problem? {
    do throws(NotificationTarget.Problem) {
      _ = try NotificationTarget(settings: settings)
      return nil
    } catch {
      return error
    }
  }

  @Test("valid targets")
  func valid() throws {
    let slack = try NotificationTarget(settings: [
      "name": "ops", "kind": "slack", "urlFile": "/run/secrets/slack", "on": ["stalled", "blocked"],
      "clusters": ["prod/*", "*/ledger"],
    ])
    #expect(slack.address == .file("/run/secrets/slack"))
    let bus = try NotificationTarget(settings: [
      "name": "bus", "kind": "webhook", "url": "http://127.0.0.1:80/x?y=1", "secretFile": "/run/secrets/bus",
    ])
    #expect(bus.address == .url("http://127.0.0.1:80/x?y=1") && bus.secretFile == "/run/secrets/bus")
  }

  @Test("an invalid setting is refused by its key")
  func invalid() {
    let valid: JSON = ["name": "ops", "kind": "webhook", "url": "https://chat.example/x"]
    #expect(problem(valid) == nil)
    let changes: [(String, JSON)] = [
      ("name", "Ops Team"), ("name", 7), ("kind", "mail"), ("url", "http://chat.example"), ("url", 7),
      ("url", "https://me:pw@chat.example"), ("url", "chat.example"), ("secretFile", "relative"),
      ("on", "stalled"), ("on", ["exploded"]), ("on", [7]), ("clusters", "prod"), ("clusters", ["/prod"]),
      ("event", []),
    ]
    for (key, value) in changes {
      var settings = valid
      settings[key] = .some(value)
      #expect(problem(settings)?.key == key, "\(key): \(value.text())")
    }
    #expect(problem("ops") != nil)
    #expect(problem(["name": "ops", "kind": "webhook"]) != nil)
    #expect(problem(["name": "ops", "kind": "slack", "url": "https://hooks.slack.com/x"])?.key == "url")
    #expect(
      problem(["name": "ops", "kind": "slack", "urlFile": "/x", "secretFile": "/y"])?.key == "secretFile")
    #expect(
      problem(["name": "o", "kind": "webhook", "url": "https://x.example", "urlFile": "/x"])?.key == "url")
  }
}

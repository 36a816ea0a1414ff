import Diagnostics
import Values

/// A forge's HTTP response, and what to do next.
struct ForgeAnswer: Sendable, Hashable {
  var code: Int
  /// Header values by lower-case name.
  var headers: [String: String] = [:]
  var body: [UInt8] = []

  var json: JSON? { try? JSON.parse(body) }

  enum Meaning: Hashable {
    case done
    /// The forge already has this state.
    case known
    /// A retry may succeed; after this delay, if the forge specifies one.
    case later(Duration?)
    /// A retry needs intervention first: the token or its permissions are wrong.
    case refused(String)
    /// A retry cannot succeed for this commit.
    case hopeless(String)
  }

  /// - Parameter now: in seconds since 1970.
  func meaning(now: Int) -> Meaning {
    switch code {
    case 200..<300: return .done
    // GitLab rejects a second pending or running state in a row, and a pending state after a running one.
    // After a final state it accepts a new one.
    case 400 where words.contains("Cannot transition status"): return .known
    case 403 where headers["retry-after"] != nil || headers["x-ratelimit-remaining"] == "0":
      return .later(pause(now))
    // GitLab responds 409 while it processes another state of the same commit.
    case 408, 409, 429, 500...599: return .later(pause(now))
    case 401: return .refused("it does not know our token (401); put a valid one into forge.tokenFile")
    case 403:
      return .refused(
        "our token may not set states of commits (403); give it that right, on GitLab with a protected branch that "
          + "of pushing to it")
    case 404:
      return .hopeless(
        "it knows no such project or commit, or hides it from our token (404); check forge.project")
    case 300..<400:
      return .hopeless(
        "it sends us elsewhere (\(code)); write the new address into forge.url, or forge.project")
    default: return .hopeless("it answers \(code): \(words)")
    }
  }

  /// The longest pause that a forge can request, in seconds.
  private static let longestPause = 3600

  private func pause(_ now: Int) -> Duration? {
    let asked = headers["retry-after"].flatMap { Int($0) }
    let reset =
      headers["x-ratelimit-remaining"] == "0" ? headers["x-ratelimit-reset"].flatMap { Int($0) } : nil
    guard let seconds = asked ?? reset.map({ max(0, $0) - now }) else { return nil }
    return .seconds(min(max(1, seconds), Self.longestPause))
  }

  /// The reason in the response for people, on one line and without secrets.
  private var words: String {
    let said = json?["message"]
    let text = said?.string ?? said?.text(pretty: false) ?? json?["error"]?.string ?? ""
    return TerminalText.visible(Redaction.excerpt(text, limit: 200))
  }
}

import Diagnostics
import Values

/// What a forge said, as it matters to what happens next.
struct ForgeAnswer: Sendable, Hashable {
  var code: Int
  /// Names in small letters.
  var headers: [String: String] = [:]
  var body: [UInt8] = []

  var json: JSON? { try? JSON.parse(body) }

  enum Meaning: Hashable {
    case done
    /// It is so already.
    case known
    /// It may work later; after so long, where the forge says so.
    case later(Duration?)
    /// Somebody has to do something first: our token, or what it may.
    case refused(String)
    /// It will never work for this commit.
    case hopeless(String)
  }

  /// - Parameter now: in seconds since 1970.
  func meaning(now: Int) -> Meaning {
    switch code {
    case 200..<300: return .done
    // GitLab lets nobody say twice in a row that something waits or runs, nor that what runs waits again; a state that
    // has ended is followed by a new one.
    case 400 where words.contains("Cannot transition status"): return .known
    case 403 where headers["retry-after"] != nil || headers["x-ratelimit-remaining"] == "0":
      return .later(pause(now))
    // GitLab answers 409 while it takes another state of the same commit in.
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

  /// The longest pause that a forge can ask for.
  private static let longestPause = 3600

  private func pause(_ now: Int) -> Duration? {
    let asked = headers["retry-after"].flatMap { Int($0) }
    let reset =
      headers["x-ratelimit-remaining"] == "0" ? headers["x-ratelimit-reset"].flatMap { Int($0) } : nil
    guard let seconds = asked ?? reset.map({ max(0, $0) - now }) else { return nil }
    return .seconds(min(max(1, seconds), Self.longestPause))
  }

  /// For people: what it said is why, on one line and without secrets.
  private var words: String {
    let said = json?["message"]
    let text = said?.string ?? said?.text(pretty: false) ?? json?["error"]?.string ?? ""
    return TerminalText.visible(Redaction.url(String(text.prefix(200))))
  }
}

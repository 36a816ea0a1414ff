import Values

/// Answers one HTTP request; independent of connections.
struct AdmissionHandler: Sendable {
  struct Reply: Sendable, Hashable {
    var status: Int
    var contentType: String
    var body: [UInt8]

    /// A response with one sentence for the administrator of the webhook.
    static func refusal(_ status: Int, _ sentence: String) -> Reply {
      Reply(status: status, contentType: "text/plain; charset=utf-8", body: Array("\(sentence)\n".utf8))
    }
  }

  /// The maximum size of a review, in bytes. It contains the object before and after the change; the server's
  /// store accepts objects of up to 1.5 MiB.
  static let bodyLimit = 3 << 20

  let judge: AdmissionJudge
  let objects: LiveObjects

  /// Checks a request's head. Returns nil if the body must be read.
  static func refusal(method: String, path: String, contentType: String?, length: Int?) -> Reply? {
    guard path == AdmissionSettings.path else {
      return .refusal(404, "There is nothing here; reviews are posted to \(AdmissionSettings.path).")
    }
    guard method == "POST" else {
      return .refusal(405, "Reviews are posted to \(AdmissionSettings.path).")
    }
    let type = contentType?.prefix { $0 != ";" && $0 != " " }.lowercased()
    guard type == "application/json" else {
      return .refusal(415, "A review is posted as application/json.")
    }
    return (length ?? 0) > bodyLimit ? tooLarge : nil
  }

  static let tooLarge = Reply.refusal(413, "The review has more than the \(bodyLimit) bytes that are read.")
  static let tooBusy = Reply.refusal(503, "Too many reviews are being read; try again.")
  static let tooSlow = Reply.refusal(408, "The review did not come in time.")

  func reply(to body: [UInt8]) async -> Reply {
    let request: AdmissionRequest
    do throws(MalformedReview) {
      request = try AdmissionRequest(body: body)
    } catch {
      return .refusal(400, error.message)
    }
    // A request that is always allowed needs no live objects.
    let live = judge.concerns(request) ? await objects.snapshot(for: request) : nil
    let answer = judge.answer(request, among: live)
    return Reply(
      status: 200, contentType: "application/json", body: answer.review(uid: request.uid).serialized())
  }
}

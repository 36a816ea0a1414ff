import Values

/// What the API server is told.
public struct AdmissionAnswer: Sendable, Hashable {
  public var isAllowed: Bool
  /// Why not, for the person who asked; nil where it is allowed.
  public var message: String?
  /// What that person is told beside it; servers before 1.19 show none.
  public var warnings: [String]

  public static func allowed(_ warnings: [String] = []) -> AdmissionAnswer {
    AdmissionAnswer(isAllowed: true, message: nil, warnings: warnings)
  }

  public static func denied(_ message: String, _ warnings: [String] = []) -> AdmissionAnswer {
    AdmissionAnswer(isAllowed: false, message: message, warnings: warnings)
  }

  /// The whole `AdmissionReview` that answers a request.
  ///
  /// A denial is always 403 `Forbidden`: of a 409 clients believe that the same request may succeed at once, and try it
  /// again and again; of a 422 `kubectl` shows no message.
  /// - Parameter uid: that of the request.
  public func review(uid: String) -> JSON {
    var response: JSON = ["uid": .string(uid), "allowed": .bool(isAllowed)]
    if let message {
      response["status"] = ["code": 403, "reason": "Forbidden", "message": .string(message)]
    }
    if !warnings.isEmpty { response["warnings"] = JSON(warnings) }
    return [
      "apiVersion": .string(AdmissionRequest.apiVersion), "kind": .string(AdmissionRequest.reviewKind),
      "response": response,
    ]
  }
}

import Values

/// The answer to the API server.
public struct AdmissionAnswer: Sendable, Hashable {
  public var isAllowed: Bool
  /// The reason for a denial, for the user; nil if the request is allowed.
  public var message: String?
  /// Warnings for the user; servers before 1.19 do not show them.
  public var warnings: [String]

  public static func allowed(_ warnings: [String] = []) -> AdmissionAnswer {
    AdmissionAnswer(isAllowed: true, message: nil, warnings: warnings)
  }

  public static func denied(_ message: String, _ warnings: [String] = []) -> AdmissionAnswer {
    AdmissionAnswer(isAllowed: false, message: message, warnings: warnings)
  }

  /// Returns the complete `AdmissionReview` for the response.
  ///
  /// A denial is always 403 `Forbidden`: after a 409 clients repeat the same request again and again, and for a
  /// 422 `kubectl` shows no message.
  /// - Parameter uid: the request's uid.
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

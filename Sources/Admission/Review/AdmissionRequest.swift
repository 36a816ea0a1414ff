import Diagnostics
import KubeDirector
import Values

/// The operation that the API server asks about: the `request` of an `AdmissionReview`.
public struct AdmissionRequest: Sendable, Hashable {
  public enum Operation: String, Sendable, Hashable, CaseIterable {
    case create = "CREATE"
    case update = "UPDATE"
    case delete = "DELETE"
    case connect = "CONNECT"
  }

  /// Repeated in the response, so that the server can match it to the request.
  public var uid: String
  public var group: String
  public var kind: String
  /// The subresource; empty for the object itself.
  public var subresource: String
  public var namespace: String
  public var name: String
  public var operation: Operation
  /// The user who sent the request to the server.
  public var user: String
  /// The object after the operation; nil for a deletion.
  public var object: JSON?
  /// The object before the operation; nil for a creation.
  public var oldObject: JSON?
  public var isDryRun: Bool

  /// - Parameter name: if it is nil or empty, the object's own name is used: a server sends no name if it
  ///   generates one, or if a whole collection is deleted.
  public init(
    uid: String, group: String = Wire.group, kind: String, subresource: String = "", namespace: String,
    name: String? = nil, operation: Operation, user: String = "", object: JSON? = nil, oldObject: JSON? = nil,
    isDryRun: Bool = false
  ) {
    self.uid = uid
    self.group = group
    self.kind = kind
    self.subresource = subresource
    self.namespace = namespace
    let own = (object ?? oldObject)?["metadata"]?["name"]?.string ?? ""
    self.name = name.flatMap { $0.isEmpty ? nil : $0 } ?? own
    self.operation = operation
    self.user = user
    self.object = object
    self.oldObject = oldObject
    self.isDryRun = isDryRun
  }

  var reference: ObjectReference { ObjectReference(kind: kind, namespace: namespace, name: name) }
}

/// The request body is not a valid review.
public struct MalformedReview: Error, Sendable, Hashable, CustomStringConvertible {
  /// One sentence for the administrator of the webhook.
  public var message: String

  public var description: String { message }
}

extension AdmissionRequest {
  public static let apiVersion = "admission.k8s.io/v1"
  public static let reviewKind = "AdmissionReview"
  /// More than the maximum depth of an object, because the review contains objects.
  private static let depthLimit = 100

  /// Parses the body that the API server posts.
  public init(body: some Sequence<UInt8>) throws(MalformedReview) {
    let review: JSON
    do throws(JSONSyntaxError) {
      review = try JSON.parse(body, depthLimit: Self.depthLimit)
    } catch {
      throw MalformedReview(message: "the review is no JSON: \(error.message)")
    }
    try self.init(review: review)
  }

  public init(review: JSON) throws(MalformedReview) {
    guard review["kind"]?.string == Self.reviewKind, review["apiVersion"]?.string == Self.apiVersion else {
      throw MalformedReview(
        message: "the request body is no \(Self.reviewKind) of \(Self.apiVersion); "
          + "set admissionReviewVersions: [v1] in the webhook's configuration")
    }
    guard let request = review["request"], request.object != nil else {
      throw MalformedReview(message: "the review has no request")
    }
    guard let uid = request["uid"]?.string, !uid.isEmpty else {
      throw MalformedReview(message: "the review's request has no uid")
    }
    guard let kind = request["kind"]?["kind"]?.string, !kind.isEmpty else {
      throw MalformedReview(message: "the review's request does not say what kind of object it is about")
    }
    guard let operation = request["operation"]?.string.flatMap(Operation.init) else {
      throw MalformedReview(message: "the review's request has no operation that is known")
    }
    let (object, old) = (Self.object(request["object"]), Self.object(request["oldObject"]))
    let isWritten = operation == .create || operation == .update
    guard !isWritten || object != nil, operation != .update || old != nil else {
      throw MalformedReview(message: "the review's request to \(operation.rawValue) lacks its object")
    }
    self.init(
      uid: uid, group: request["kind"]?["group"]?.string ?? "", kind: kind,
      subresource: request["subResource"]?.string ?? "", namespace: request["namespace"]?.string ?? "",
      name: request["name"]?.string, operation: operation,
      user: request["userInfo"]?["username"]?.string ?? "", object: object, oldObject: old,
      isDryRun: request["dryRun"]?.bool ?? false)
  }

  private static func object(_ value: JSON?) -> JSON? { value?.object == nil ? nil : value }
}

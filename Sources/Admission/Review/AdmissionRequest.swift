import Diagnostics
import KubeDirector
import Values

/// What the API server is about to do, and asks about: the `request` of an `AdmissionReview`.
public struct AdmissionRequest: Sendable, Hashable {
  public enum Operation: String, Sendable, Hashable, CaseIterable {
    case create = "CREATE"
    case update = "UPDATE"
    case delete = "DELETE"
    case connect = "CONNECT"
  }

  /// Comes back in the answer, so that the server knows what is answered.
  public var uid: String
  public var group: String
  public var kind: String
  /// Empty for the object itself.
  public var subresource: String
  public var namespace: String
  public var name: String
  public var operation: Operation
  /// Who asks the server for it.
  public var user: String
  /// As it will be; nil for a deletion.
  public var object: JSON?
  /// As it is; nil for a creation.
  public var oldObject: JSON?
  public var isDryRun: Bool

  /// - Parameter name: Where it is nil or empty, the object's own counts: a server that makes up a name, or deletes a
  ///   whole collection, gives none.
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

/// A review that is none.
public struct MalformedReview: Error, Sendable, Hashable, CustomStringConvertible {
  /// One sentence for whoever set the webhook up.
  public var message: String

  public var description: String { message }
}

extension AdmissionRequest {
  public static let apiVersion = "admission.k8s.io/v1"
  public static let reviewKind = "AdmissionReview"
  /// Deeper than objects may be nested, for the review is around them.
  private static let depthLimit = 100

  /// Reads the body that the API server posts.
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
        message: "what was posted is no \(Self.reviewKind) of \(Self.apiVersion); "
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

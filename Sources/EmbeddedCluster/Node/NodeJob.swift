import KubeDirector

/// Work on one pod's folders and processes.
struct NodeJob: Sendable {
  enum Step: Sendable {
    case prepare(container: PodSpec.Container, containerID: String, image: (any RootFS)?)
    case runInit(container: PodSpec.Container, containerID: String)
    case end(containerIDs: [String])
    case tearDown(containerIDs: [String])
  }

  var spec: PodSpec
  var ip: String
  var steps: [Step]
}

struct RunningContainer: Sendable {
  var spec: PodSpec
  var container: PodSpec.Container
  var containerID: String
  /// The id of the container for which the root was created. All main containers share this root.
  var rootID: String
  var image: (any RootFS)?
  var ip: String
}

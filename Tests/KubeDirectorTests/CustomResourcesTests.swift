import KubeDirector
import Testing
import Values

@Suite("Custom resource definitions")
struct CustomResourcesTests {
  @Test("have the names for kubectl, and the version that files use")
  func names() {
    for (definition, kind, short) in [
      (CustomResources.app, Wire.appKind, "kdapp"), (CustomResources.cluster, Wire.clusterKind, "kdcluster"),
    ] {
      let spec = definition["spec"]
      #expect(definition["apiVersion"] == "apiextensions.k8s.io/v1")
      #expect(spec?["group"]?.string == Wire.group && spec?["scope"] == "Namespaced")
      #expect(spec?["names"]?["kind"]?.string == kind && spec?["names"]?["shortNames"] == [.string(short)])
      #expect(spec?["versions"]?[0]?["name"]?.string == Wire.version)
      let plural = spec?["names"]?["plural"]?.string ?? ""
      #expect(definition["metadata"]?["name"]?.string == "\(plural).\(Wire.group)")
    }
  }

  @Test("have a status subresource and the most important columns")
  func status() {
    let version = CustomResources.cluster["spec"]?["versions"]?[0]
    #expect(version?["subresources"]?["status"] == [:])
    let columns = version?["additionalPrinterColumns"]?.array?.compactMap { $0["name"]?.string }
    #expect(columns == ["App", "State", "Any Down", "Any Config Error", "Stalled", "Commit", "Age"])
    let app = CustomResources.app["spec"]?["versions"]?[0]?["additionalPrinterColumns"]?.array
    #expect(app?.compactMap { $0["name"]?.string } == ["Label", "Distro ID", "Version"])
  }

  /// Kubernetes drops fields that a structural schema does not name, unless the level says otherwise.
  @Test(
    "keep unknown fields at every level of a spec",
    arguments: [CustomResources.appSchema, CustomResources.clusterSchema])
  func preserves(schema: JSON) {
    var checked = 0
    func walk(_ node: JSON, _ path: String) {
      if let properties = node["properties"]?.object {
        #expect(node["x-kubernetes-preserve-unknown-fields"] == true, "\(path)")
        checked += 1
        for (key, value) in properties { walk(value, "\(path).\(key)") }
      }
      if let items = node["items"] { walk(items, "\(path)[]") }
    }
    if let spec = schema["properties"]?["spec"] { walk(spec, "spec") }
    #expect(checked > 5)
  }

  @Test(
    "have a type at every level, as a structural schema must",
    arguments: [CustomResources.appSchema, CustomResources.clusterSchema])
  func structural(schema: JSON) {
    func walk(_ node: JSON, _ path: String) {
      let isEither = node["x-kubernetes-int-or-string"] == true
      #expect((node["type"]?.string != nil) != isEither, "\(path)")
      #expect(node["type"] != "array" || node["items"] != nil, "\(path)")
      for (key, value) in node["properties"]?.object ?? [:] { walk(value, "\(path).\(key)") }
      if let items = node["items"] { walk(items, "\(path)[]") }
      if let others = node["additionalProperties"] { walk(others, "\(path).*") }
    }
    walk(schema, "")
  }
}

/// An object that a picture shows: its class and its box.
///
/// *Units:* `corners` are (left, top, right, bottom) in pixels of the network's input.
public struct BoxTarget: Hashable, Sendable {
  public var classIndex: Int32
  public var corners: SIMD4<Float>

  public init(classIndex: Int32, corners: SIMD4<Float>) {
    self.classIndex = classIndex
    self.corners = corners
  }

  /// Whether the box has an area. One without can neither be found nor learned, and is passed over.
  package var hasArea: Bool {
    let sum = corners.x + corners.y + corners.z + corners.w
    return sum.isFinite && corners.z > corners.x && corners.w > corners.y
  }
}

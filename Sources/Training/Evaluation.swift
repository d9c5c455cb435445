import Checkpoints
public import Datasets
public import Detection
public import Engine
import Foundation
import Graphs
public import MessagePassing
import Models
public import Parallel
import Quantization
import Tensors

/// Detections of a data set's pictures, in the order of the data set and in pixels of the pictures.
///
/// Groups of `plan.batchSize` pictures go round the ranks; every rank gets all results. They do not
/// depend on the number of ranks.
///
/// *Collective.*
public func detect(
  _ plan: any ForwardPlan, _ pictures: PictureCache, filter: DetectionFilter,
  communicator: Communicator, loaderThreads: Int = 1
) throws(FailureReport) -> [[DetectedBox]] {
  let B = plan.batchSize
  let groups = BatchRequest.validation(sampleCount: pictures.samples.count, batch: B)
  let mine = groups.indices.filter { $0 % communicator.size == communicator.rank }
  let loader = BatchLoader(
    pictures, seed: 0, requests: mine.map { groups[$0] }, threads: loaderThreads)
  var own: [UInt8] = []
  try communicator.together(exitCode: exitCode) {
    while let batch = try loader.next() {
      Activity.goOn()
      let found = detections(plan, batch, filter: filter)
      for (index, objects) in zip(batch.sampleIndices, found) {
        objects.encode(picture: index, into: &own)
      }
    }
  }
  var result = [[DetectedBox]](repeating: [], count: pictures.samples.count)
  let gathered = try communicator.together { try communicator.allGather(own) }
  for bytes in gathered {
    [DetectedBox].decode(bytes) { picture, objects in result[picture] = objects }
  }
  return result
}

/// Runs one batch, of at most the plan's size, and reads its heads.
public func detections(_ plan: any ForwardPlan, _ batch: Batch, filter: DetectionFilter)
  -> [[DetectedBox]]
{
  let count = batch.letterboxes.count
  // After a last, smaller batch the results of the other places are not read.
  batch.images.withElements(as: UInt8.self) { plan.setInput($0.baseAddress!, count: count) }
  plan.forward()
  let heads = plan.headOutputs
  return (0..<count).map { image in
    decodeDetections(
      levels: heads, image: image, classCount: plan.graph.head!.classNames.count, filter: filter
    ).map { object in
      var object = object
      object.corners = batch.letterboxes[image].toOriginal(object.corners)
      return object
    }
  }
}

extension ForwardPlan {
  /// The outputs of a detector's levels.
  public var headOutputs: [HeadOutputs] {
    graph.head!.levels.map { level in
      let shape = graph.values[level.boxes].shape
      return HeadOutputs(
        boxes: UnsafePointer(output(level.boxes)), classes: UnsafePointer(output(level.classes)),
        geometry: LevelGeometry(height: shape[0], width: shape[1], stride: level.stride))
    }
  }
}

/// Scores detections against the labels of the pictures.
public func metrics(
  of detections: [[DetectedBox]], samples: [Sample], classNames: [String]
) -> DetectionMetrics {
  func truth(_ box: LabeledBox, isIgnored: Bool) -> EvaluatedImage.Truth {
    .init(
      target: BoxTarget(classIndex: Int32(box.classIndex), corners: box.corners),
      isIgnored: isIgnored)
  }
  let images = zip(samples, detections).map { sample, found in
    EvaluatedImage(
      truths: sample.boxes.map { truth($0, isIgnored: false) }
        + sample.ignoredBoxes.map { truth($0, isIgnored: true) },
      detections: found)
  }
  return Detection.evaluate(images, classNames: classNames)
}

extension [DetectedBox] {
  /// Picture, count, then six words per object.
  fileprivate func encode(picture: Int, into bytes: inout [UInt8]) {
    var words = [UInt32(picture), UInt32(count)]
    for object in self {
      for i in 0..<4 { words.append(object.corners[i].bitPattern) }
      words.append(object.score.bitPattern)
      words.append(UInt32(bitPattern: object.classIndex))
    }
    words.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  fileprivate static func decode(_ bytes: [UInt8], _ body: (Int, [DetectedBox]) -> Void) {
    let words = bytes.withUnsafeBytes { raw in
      (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self) }
    }
    var at = 0
    while at < words.count {
      let (picture, count) = (Int(words[at]), Int(words[at + 1]))
      at += 2
      let objects = (0..<count).map { k in
        let w = words[(at + 6 * k)..<(at + 6 * k + 6)]
        let f = w.startIndex
        return DetectedBox(
          corners: SIMD4(
            Float(bitPattern: w[f]), Float(bitPattern: w[f + 1]), Float(bitPattern: w[f + 2]),
            Float(bitPattern: w[f + 3])), score: Float(bitPattern: w[f + 4]),
          classIndex: Int32(bitPattern: w[f + 5]))
      }
      at += 6 * count
      body(picture, objects)
    }
  }
}

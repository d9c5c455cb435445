import Foundation

/// The factors of what a student's head loses against its teacher's, and how soft both are taken.
public struct DistillationGains: Hashable, Sendable, Codable {
  public var classification: Float
  public var distribution: Float
  /// What logits are divided by, of student and teacher alike.
  public var temperature: Float

  public init(classification: Float, distribution: Float, temperature: Float = 1) {
    self.classification = classification
    self.distribution = distribution
    self.temperature = temperature
  }
}

/// What a student's head costs against a teacher's on the same pictures; adds its gradient to what the
/// levels' gradients hold.
///
/// With logits `s` of the student and `t` of the teacher, T the temperature, c = max over the classes of
/// sigmoid(t) an anchor's confidence and z = max(Σ c, 1):
/// - classification = gain · T² · Σ KL(Bernoulli(sigmoid(t/T)) ‖ Bernoulli(sigmoid(s/T))) / z over all
///   anchors and classes, whose gradient is gain · T · (sigmoid(s/T) − sigmoid(t/T)) / z;
/// - distribution = gain · T² · Σ c · (mean over the four sides of KL(softmax(t/T) ‖ softmax(s/T))) / z,
///   whose gradient is gain · T · c · (softmax(s/T) − softmax(t/T)) / 4z.
///
/// T² keeps the gradient's size whatever the temperature is. The confidence leaves the boxes of the
/// background, which mean nothing, out of the loss.
///
/// One thread, one order of additions: the same input gives the same bits. Allocates nothing.
/// *Source:* Hinton et al., "Distilling the Knowledge in a Neural Network", 2015.
/// - Parameter gradientScale: of the gradient alone.
public func addDistillation(
  levels: [HeadLevel], teacher: [HeadOutputs], batchSize: Int, classCount: Int,
  gains: DistillationGains, gradientScale: Float
) -> (classification: Float, distribution: Float) {
  precondition(
    levels.count == teacher.count && zip(levels, teacher).allSatisfy { $0.geometry == $1.geometry },
    "levels \(levels.map(\.geometry)), the teacher's \(teacher.map(\.geometry))")
  var confidence = 0.0
  for level in teacher {
    for anchor in 0..<batchSize * level.geometry.cellCount {
      confidence += Double(teacherConfidence(level, anchor, classCount))
    }
  }
  let z = Float(max(confidence, 1))
  let T = gains.temperature
  let classScale = gradientScale * gains.classification * T / z
  let sideScale = gradientScale * gains.distribution * T / (4 * z)
  var (classSum, sideSum) = (0.0, 0.0)
  for (level, from) in zip(levels, teacher) {
    for anchor in 0..<batchSize * level.geometry.cellCount {
      for i in anchor * classCount..<(anchor + 1) * classCount {
        let term = bernoulliDivergence(student: level.classes[i] / T, teacher: from.classes[i] / T)
        classSum += Double(term.value)
        level.classGradients[i] += classScale * term.gradient
      }
      guard gains.distribution > 0 else { continue }
      let c = teacherConfidence(from, anchor, classCount)
      for side in 0..<4 {
        let offset = anchor * BoxEncoding.channelCount + side * BoxEncoding.binCount
        let term = softmaxDivergence(
          student: level.boxes + offset, teacher: from.boxes + offset, temperature: T)
        sideSum += Double(c * term.value)
        let gradient = load16(level.boxGradients + offset) + term.gradient * (sideScale * c)
        store16(gradient, to: level.boxGradients + offset)
      }
    }
  }
  return (
    gains.classification * T * T * Float(classSum) / z,
    gains.distribution * T * T * Float(sideSum) / (4 * z)
  )
}

private func teacherConfidence(_ level: HeadOutputs, _ anchor: Int, _ classCount: Int) -> Float {
  var highest = -Float.infinity
  for i in anchor * classCount..<(anchor + 1) * classCount {
    highest = max(highest, level.classes[i])
  }
  return 1 / (1 + exp(-highest))
}

/// `KL(B(p) ‖ B(q))` with q = sigmoid(s), p = sigmoid(t), and its gradient q − p with respect to s.
private func bernoulliDivergence(student s: Float, teacher t: Float) -> (
  value: Float, gradient: Float
) {
  let (q, p) = (1 / (1 + exp(-s)), 1 / (1 + exp(-t)))
  // log(1 + eˣ), from the side where nothing overflows.
  func softplus(_ x: Float) -> Float { max(x, 0) + log1p(exp(-abs(x))) }
  return (p * (t - s) + softplus(s) - softplus(t), q - p)
}

/// `KL(softmax(t/T) ‖ softmax(s/T))` over 16 bins, and softmax(s/T) − softmax(t/T).
private func softmaxDivergence(
  student: UnsafePointer<Float>, teacher: UnsafePointer<Float>, temperature: Float
) -> (value: Float, gradient: SIMD16<Float>) {
  let (s, t) = (load16(student) / temperature, load16(teacher) / temperature)
  let (sMaximum, tMaximum) = (laneMaximum(s), laneMaximum(t))
  let (sExp, tExp) = (exponential(s - sMaximum), exponential(t - tMaximum))
  let (sSum, tSum) = (laneSum(sExp), laneSum(tExp))
  let p = tExp / tSum
  let value = laneSum(p * (t - s)) + (sMaximum + log(sSum)) - (tMaximum + log(tSum))
  return (value, sExp / sSum - p)
}

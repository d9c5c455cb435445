import Checkpoints
import Foundation
import Tensors
import Testing

/// I3, and what must be equal before a run begins.
@Suite(.serialized, .enabled(if: Program.isBuilt, "build the program first: make build"))
struct AgreementTests {
  /// A bit of the weights is flipped in the memory of a rank, as faulty memory would. The rates are
  /// so small that the weights stay what they were, so that they can be found there.
  @Test(.enabled(if: getuid() == 0, "only root may write to the memory of another process"))
  func `a rank whose weights lose a bit is named, and no checkpoint is written after that`() throws
  {
    let small = try SmallRun()
    defer { small.remove() }
    let running = try Program.Running(
      small.arguments(
        "run",
        [
          "--set", "schedule.floatEpochs=1000", "--set", "optimizer.learningRate=1e-30", "--set",
          "optimizer.warmupEpochs=0", "--set", "checkpoint.agreeEvery=1", "--set",
          "evaluation.everyEpochs=0",
        ]), ranks: 2, timeoutSeconds: 120)
    #expect(running.waitFor("epoch    1/"))
    let victim = try #require(running.processID(ofRank: 1, inRun: small.run("run")))
    let weights = try small.someWeights("run")
    let flipped = try ProcessMemory(process: victim).flipBit(whereIs: weights)
    #expect(flipped > 0, "the weights were not found in the memory of rank 1")
    let outcome = running.wait()
    #expect(outcome.exitCode == 1, "\(outcome.errors)")
    #expect(outcome.sentences.count == 1, "\(outcome.errors)")
    #expect(outcome.errors.contains("rank 1 (") && outcome.errors.contains("not the same"))
  }

  @Test func `ranks with another instruction set are refused with a table, or allowed by name`()
    throws
  {
    let small = try SmallRun()
    defer { small.remove() }
    let short = [
      "--set", "schedule.floatEpochs=1", "--set", "schedule.qatEpochs=0", "--set",
      "evaluation.everyEpochs=0",
    ]
    func run(_ more: [String]) throws -> Program.Outcome {
      let arguments = small.arguments("run", short + more)
      return try Program.run(
        arguments + [":", "-n", "1", "-x", "DNNL_MAX_CPU_ISA=SSE41", Program.path] + arguments,
        ranks: 1)
    }
    let refused = try run([])
    #expect(refused.exitCode == 64, "\(refused.errors)")
    #expect(refused.sentences.count == 1 && refused.errors.contains("--allow-mixed"))
    #expect(refused.errors.contains("instruction set: SSE4.1 on rank 1 ("), "\(refused.errors)")
    #expect(!FileManager.default.fileExists(atPath: small.run("run/checkpoints").path))
    #expect(try run(["--allow-mixed"]).exitCode == 0)
  }
}

extension SmallRun {
  /// 64 bytes of the weights in the newest checkpoint of a run.
  fileprivate func someWeights(_ name: String) throws -> [UInt8] {
    let newest = try #require(try checkpoints(name).last)
    let reader = try CheckpointReader(
      path: run(name).appending(path: "checkpoints/\(newest)").path)
    let tensors = try reader.readTensors {
      $0.role == .parameter && $0.shape.elementCount > 1000
    }
    return try #require(tensors.first).tensor.withElements(as: Float.self) {
      Array(UnsafeRawBufferPointer($0).prefix(64))
    }
  }
}

import ArgumentParser
import Training

/// A trained network and what it is to run on.
struct DeployedArguments: ParsableArguments {
  @Argument(
    help:
      "A checkpoint's folder, a run's folder for its newest whole checkpoint, or RUN@best for its best scored one (quantized, where there is one).",
    completion: .directory)
  var checkpoint: String

  @Option(
    help: "tensorrt, tflite, edgetpu, onnxruntime or portable. Default: the recipe's target.")
  var target: PlacementTarget?
}

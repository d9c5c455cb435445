import Checkpoints
import Datasets
import Detection
import Images
import MessagePassing
import Parallel
import Quantization

/// The exit code that goes with an error: 1 failed, 64 usage, 65 bad data, 71 a rank was lost, 74 I/O.
public func exitCode(_ error: any Error) -> Int32 {
  switch error {
  case let report as FailureReport: report.exitCode
  case let error as RecipeError:
    if case .unreadable = error { 74 } else { 64 }
  case is TooManyRanks: 64
  case let error as MixedRanks: error.subject == .weights ? 65 : 64
  case is MPIError: FailureReport.lostRankExitCode
  case let error as TrainingError:
    switch error {
    case .unsupported, .runExists, .otherRecipe, .otherGraph, .fewWeights: 64
    case .unusableCheckpoint, .otherData: 65
    case .diverged: 1
    }
  case is DataError, is DifferentData, is CalibrationError: 65
  case is EqualizationError: 64
  case let error as ImageError:
    switch error {
    case .unreadable, .unwritable: 74
    case .unknownFormat, .damaged, .unsupported, .tooLarge, .tooManyBytes: 65
    case .notEncodable: 1
    }
  case let error as COCOError:
    switch error {
    case .unreadable: 74
    case .notJSON, .badEntry, .repeatedID, .unknownReference: 65
    }
  case let error as SyntheticDatasetError:
    switch error {
    case .folderTaken, .invalidSetting: 64
    case .unwritable: 74
    }
  case let error as CheckpointError:
    switch error {
    case .system, .noSpace, .share, .locked: 74
    case .damaged, .version, .noTensor, .limit, .noCheckpoint: 65
    case .conflict, .unsuitable: 64
    case .compression: 1
    }
  default: 1
  }
}

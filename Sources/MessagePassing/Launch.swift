import Glibc

/// How this process was started, as its environment tells.
package struct Launch: Equatable {
  /// A launcher that speaks to MPI started it: `mpirun`, or `srun` with PMI or PMIx.
  package var knowsMPI: Bool
  /// How many tasks were started together, where the environment says so.
  package var taskCount: Int?

  /// Reads the variables that Open MPI, PMIx, PMI and Slurm set for every task.
  ///
  /// Slurm's own count is asked last: under `mpirun` it counts the daemons, one per node.
  package init(variable: (String) -> String?) {
    let marks = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"]
    knowsMPI = marks.contains { variable($0) != nil }
    let counts = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"]
    for name in counts {
      guard let text = variable(name), let count = Int(text), count > 0 else { continue }
      taskCount = count
      break
    }
  }

  static var ofThisProcess: Launch {
    Launch { name in getenv(name).map { String(cString: $0) } }
  }
}

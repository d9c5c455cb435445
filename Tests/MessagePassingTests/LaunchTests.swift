import MessagePassing
import Testing

@Suite struct LaunchTests {
  @Test(
    arguments: [
      ([:], false, nil),
      (["OMPI_COMM_WORLD_SIZE": "4", "SLURM_STEP_NUM_TASKS": "2"], true, 4),
      (["PMI_RANK": "0", "PMI_SIZE": "3"], true, 3),
      (["PMIX_RANK": "1", "SLURM_STEP_NUM_TASKS": "2"], true, 2),
      // `srun --mpi=none`: tasks that cannot see each other.
      (["SLURM_STEP_NUM_TASKS": "2"], false, 2),
      (["OMPI_COMM_WORLD_SIZE": "many"], true, nil),
    ] as [([String: String], Bool, Int?)])
  func `launchers are known by their variables`(
    environment: [String: String], knowsMPI: Bool, taskCount: Int?
  ) {
    let launch = Launch { environment[$0] }
    #expect(launch.knowsMPI == knowsMPI)
    #expect(launch.taskCount == taskCount)
  }
}

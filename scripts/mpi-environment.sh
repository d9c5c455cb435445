# shellcheck shell=bash
# To be sourced: what Open MPI needs to run as root and inside a container, and one thread per rank.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# Containers forbid process_vm_readv; without this Open MPI prints "Read -1 … errno = 1".
export OMPI_MCA_btl_vader_single_copy_mechanism=none
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"

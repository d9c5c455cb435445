#ifndef CONEDNN_SHIM_H
#define CONEDNN_SHIM_H

#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_debug.h>

// Cast macros, which Swift cannot import.

/// A value that is given when a primitive runs.
static inline int32_t cdnnl_runtime_s32(void) { return DNNL_RUNTIME_S32_VAL; }

/// The argument that holds the source's zero point.
static inline int cdnnl_arg_source_zero_point(void) {
  return DNNL_ARG_ATTR_ZERO_POINTS | DNNL_ARG_SRC;
}

#endif

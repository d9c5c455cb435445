#ifndef CTURBOJPEG_SHIM_H
#define CTURBOJPEG_SHIM_H

#include <turbojpeg.h>

/// Whether the last call on `handle` ended with a mere warning (the picture may still be whole).
static inline int cturbojpeg_is_warning(tjhandle handle) {
  return tjGetErrorCode(handle) == TJERR_WARNING;
}

#endif
